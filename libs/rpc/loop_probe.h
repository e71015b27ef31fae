// How long a call that arrives now waits until one of gRPC's threads comes to it. gRPC does not say
// when a request arrived, and its threads cannot be watched; so the server calls itself now and
// then, on a connection of its own that goes the way of all others but for TLS: socket, poll, queue
// of events, thread. The time from the sending to the handler is what any call waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "libs/admission/delay_watch.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/rpc/under_way.h"
#include "libs/telemetry/metrics.h"

namespace grpc {
class Channel;
class Server;
}  // namespace grpc

namespace holdfast::rpc {

// Thread-safe. Owns no thread, and sends nothing while nobody ticks: a server that is not called
// does not call itself.
class LoopProbe {
 public:
  static constexpr char kMethod[] = "/holdfast.rpc.v1.Loop/Probe";

  // `delays` and `histogram` are told of each delay.
  LoopProbe(const Clock& clock, Random& random, admission::DelayWatch& delays,
            telemetry::Histogram histogram);
  ~LoopProbe();  // closed, or never opened

  // `server` serves kMethod and must live until Close.
  void Open(grpc::Server& server);
  // No call of it is under way afterwards, and its connection is gone.
  void Close();

  // As calls arrive, and on a thread of gRPC's or of whoever scrapes.
  void Tick(SteadyTime now) {
    if (now.time_since_epoch().count() >= next_at_.load(std::memory_order_relaxed)) Probe(now);
  }

  // The handler of kMethod got this. False: it is none of ours.
  [[nodiscard]] bool Arrived(std::string_view mark);

 private:
  struct Question;

  void Probe(SteadyTime now);
  void Ask(std::shared_ptr<grpc::Channel> channel, std::shared_ptr<Question> question);
  void Answered(const std::shared_ptr<grpc::Channel>& channel, bool ok);
  std::shared_ptr<grpc::Channel> Connect(grpc::Server& server);
  void Report(Duration delay, SteadyTime now);

  const Clock& clock_;
  admission::DelayWatch& delays_;
  const telemetry::Histogram histogram_;
  const std::string mark_;  // nobody else knows it
  const std::shared_ptr<UnderWay> under_way_ = std::make_shared<UnderWay>();
  std::atomic<std::int64_t> next_at_ = 0;  // ns on the steady clock

  absl::Mutex mutex_;
  grpc::Server* server_ ABSL_GUARDED_BY(mutex_) = nullptr;          // null: closed
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);  // null: to be made
  std::weak_ptr<Question> question_ ABSL_GUARDED_BY(mutex_);        // the last one
  bool asking_ ABSL_GUARDED_BY(mutex_) = false;                     // and it is under way
  bool arrived_ ABSL_GUARDED_BY(mutex_) = false;                    // at the handler
  SteadyTime asked_at_ ABSL_GUARDED_BY(mutex_) = SteadyTime::min();
};

}  // namespace holdfast::rpc
