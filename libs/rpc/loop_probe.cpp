#include "libs/rpc/loop_probe.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>
#include <grpcpp/server_posix.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "libs/rpc/grpc_wire.h"
#include "libs/telemetry/log.h"

namespace holdfast::rpc {

namespace {

constexpr Duration kEvery = std::chrono::milliseconds(100);
constexpr Duration kLongestAnswer = std::chrono::seconds(10);

}  // namespace

// One call to ourselves.
struct LoopProbe::Question {
  explicit Question(UnderWay::Place p) : place(std::move(p)) {}

  const UnderWay::Place place;  // destroyed last
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
};

LoopProbe::LoopProbe(const Clock& clock, Random& random, admission::DelayWatch& delays,
                     telemetry::Histogram histogram)
    : clock_(clock),
      delays_(delays),
      histogram_(histogram),
      mark_(fmt::format("{:016x}", random.Next())) {}

LoopProbe::~LoopProbe() { Close(); }

void LoopProbe::Open(grpc::Server& server) {
  std::shared_ptr<grpc::Channel> channel = Connect(server);
  absl::MutexLock lock(&mutex_);
  server_ = &server;
  channel_ = std::move(channel);
}

void LoopProbe::Close() {
  std::shared_ptr<grpc::Channel> channel;
  std::shared_ptr<Question> question;
  {
    absl::MutexLock lock(&mutex_);
    server_ = nullptr;
    channel.swap(channel_);
    question = question_.lock();
  }
  if (question) question->context.TryCancel();
  question.reset();
  under_way_->WaitUntilNobody();
}

// Neither port nor certificate: the server takes one end of a pair of sockets as it takes what it
// has accepted.
std::shared_ptr<grpc::Channel> LoopProbe::Connect(grpc::Server& server) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    if (telemetry::ShouldLog("rpc loop probe")) {
      telemetry::Log(telemetry::Warning, "cannot measure how long calls wait for a thread",
                     {{"reason", std::strerror(errno)}});
    }
    return nullptr;
  }
  grpc::AddInsecureChannelFromFd(&server, ends[0]);
  return grpc::CreateInsecureChannelFromFd("loop", ends[1]);
}

void LoopProbe::Probe(SteadyTime now) {
  std::shared_ptr<grpc::Channel> channel;
  std::shared_ptr<Question> question;
  Duration waits = Duration::zero();
  {
    absl::MutexLock lock(&mutex_);
    const std::int64_t at = now.time_since_epoch().count();
    if (server_ == nullptr || at < next_at_.load(std::memory_order_relaxed)) return;
    next_at_.store(at + kEvery.count(), std::memory_order_relaxed);
    if (asking_ && arrived_) return;  // measured; only its answer is still on its way
    if (asking_) {
      waits = now - asked_at_;  // so long at least
    } else {
      if (channel_ == nullptr) channel_ = Connect(*server_);
      if (channel_ == nullptr) return;
      channel = channel_;
      question = std::make_shared<Question>(under_way_->Enter());
      question_ = question;
      asking_ = true;
      arrived_ = false;
      asked_at_ = now;
    }
  }
  if (question == nullptr) return Report(waits, now);
  Ask(std::move(channel), std::move(question));
}

void LoopProbe::Ask(std::shared_ptr<grpc::Channel> channel, std::shared_ptr<Question> question) {
  Question& asked = *question;
  const grpc::Slice mark(mark_);
  asked.request = grpc::ByteBuffer(&mark, 1);
  asked.context.set_deadline(GrpcDeadlineAfter(kLongestAnswer));
  grpc::GenericStub stub(channel);
  stub.UnaryCall(&asked.context, kMethod, grpc::StubOptions(), &asked.request, &asked.response,
                 [this, channel = std::move(channel),
                  question = std::move(question)](const grpc::Status& status) mutable {
                   const UnderWay::Place place =
                       question->place;  // until nothing else is held here
                   question.reset();
                   Answered(channel, status.ok());
                   channel.reset();
                 });
}

void LoopProbe::Answered(const std::shared_ptr<grpc::Channel>& channel, bool ok) {
  std::shared_ptr<grpc::Channel> lost;
  absl::MutexLock lock(&mutex_);
  asking_ = false;
  // Connections are asked to leave when they are old: the next probe makes another one. `lost` goes
  // after the lock.
  if (!ok && channel_ == channel) lost = std::move(channel_);
}

bool LoopProbe::Arrived(std::string_view mark) {
  if (mark != mark_) return false;
  const SteadyTime now = clock_.SteadyNow();
  Duration delay = Duration::zero();
  {
    absl::MutexLock lock(&mutex_);
    if (!asking_ || arrived_) return true;
    arrived_ = true;
    delay = now - asked_at_;
  }
  Report(delay, now);
  return true;
}

void LoopProbe::Report(Duration delay, SteadyTime now) {
  histogram_.Observe(std::chrono::duration<double>(delay).count());
  delays_.Observe(delay, now);
}

}  // namespace holdfast::rpc
