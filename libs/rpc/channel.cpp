#include "libs/rpc/channel.h"

#include <utility>

#include "absl/synchronization/notification.h"
#include "libs/base/status.h"
#include "libs/rpc/inline_thread.h"
#include "libs/rpc/neighbour.h"
#include "libs/rpc/neighbour_stream.h"
#include "libs/rpc/outgoing_call.h"

namespace holdfast::rpc {

struct Channel::Impl {
  explicit Impl(std::shared_ptr<Neighbour> n) : neighbour(std::move(n)) {}

  const std::shared_ptr<Neighbour> neighbour;
};

Channel::Channel(std::string service, const PeerOptions& options,
                 const ChannelEnvironment& environment)
    : impl_(std::make_shared<Impl>(
          std::make_shared<Neighbour>(std::move(service), options, environment))) {
  impl_->neighbour->Start();
}

Channel::~Channel() {
  if (impl_) impl_->neighbour->Stop();
}

Channel::Channel(Channel&&) noexcept = default;

absl::Status Channel::InvokeInto(const Call& call, std::string_view method,
                                 const google::protobuf::Message& request,
                                 google::protobuf::Message& response,
                                 const InvokeOptions& options) {
  if (InlineThreadScope::Active()) {
    return Internal("{} would block a network thread: declare the handler Worker, or use Start",
                    method);
  }
  absl::Status status;
  absl::Notification over;
  Start(call, method, request, response, options, [&](absl::Status result) {
    status = std::move(result);
    over.Notify();
  });
  over.WaitForNotification();
  return status;
}

void Channel::Start(const Call& call, std::string_view method,
                    const google::protobuf::Message& request, google::protobuf::Message& response,
                    const InvokeOptions& options, std::function<void(absl::Status)> done) {
  OutgoingCall::Start(impl_->neighbour, call, method, request, response, options, std::move(done));
}

std::unique_ptr<StreamReader> Channel::OpenStream(const Call& call, std::string_view method,
                                                  const google::protobuf::Message& request) {
  return OpenNeighbourStream(impl_->neighbour, call, method, request);
}

const std::string& Channel::service() const { return impl_->neighbour->service; }

bool Channel::has_healthy_instance() const { return impl_->neighbour->has_healthy_instance(); }

ChannelControl Channel::Control() const { return ChannelControl(impl_->neighbour); }

ChannelControl::ChannelControl(const std::shared_ptr<Neighbour>& neighbour)
    : service_(neighbour->service), neighbour_(neighbour) {}

std::string ChannelControl::Describe() const {
  const auto neighbour = neighbour_.lock();
  return neighbour ? neighbour->Describe() : "";
}

std::string ChannelControl::ShowOptions() const {
  const auto neighbour = neighbour_.lock();
  return neighbour ? neighbour->ShowOptions() : "";
}

absl::Status ChannelControl::ChangeOptions(const std::vector<std::string>& assignments) const {
  const auto neighbour = neighbour_.lock();
  if (!neighbour) return Unavailable("the channel to {} is closed", service_);
  return neighbour->ChangeOptions(assignments);
}

}  // namespace holdfast::rpc
