// One call to a neighbour: tries, judgement, retry. For channel.cpp.
#pragma once

#include <functional>
#include <memory>

#include "absl/container/inlined_vector.h"
#include "libs/rpc/neighbour.h"

namespace holdfast::rpc {

// Lives until its answer is known, held by the try under way. No two tries run together.
class OutgoingCall : public std::enable_shared_from_this<OutgoingCall> {
 public:
  using Done = std::function<void(absl::Status)>;

  // See Channel::Start. `done` runs inside Start when the call cannot begin.
  static void Start(std::shared_ptr<Neighbour> neighbour, const Call& call, std::string_view method,
                    const google::protobuf::Message& request, google::protobuf::Message& response,
                    const InvokeOptions& options, Done done);

  OutgoingCall(std::shared_ptr<Neighbour> neighbour, const CalledMethod& method,
               google::protobuf::Message& response, Done done);

 private:
  absl::Status Begin(const Call& call, const google::protobuf::Message& request,
                     const InvokeOptions& options);
  void SendCanaries();
  void Try(std::size_t index);
  void TryEnded(std::size_t index, bool fair_time, Peer::Attempt attempt, const TryResult& result);
  bool TriedAgain();
  void End(const absl::Status& status);

  const std::shared_ptr<Neighbour> neighbour_;
  const CalledMethod& method_;
  google::protobuf::Message& response_;
  Done done_;
  const SteadyTime start_;

  std::shared_ptr<const InstanceList> list_;
  std::shared_ptr<const EncodedRequest> request_;
  Headers headers_;
  Duration timeout_ = {};
  Deadline deadline_ = Deadline::Never();
  std::optional<CircuitBreaker::Permit> permit_;
  absl::InlinedVector<std::size_t, kMaxTries> tried_;  // indexes into list_
};

}  // namespace holdfast::rpc
