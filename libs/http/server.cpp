#include "libs/http/server.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/http/io_thread.h"
#include "libs/http/route_table.h"
#include "libs/telemetry/trace.h"

namespace holdfast::http {

Reply::~Reply() {
  if (target_ != nullptr) Send(Response::Text(500, "Internal Server Error\n"));
}

void Reply::Send(Response response) {
  const std::shared_ptr<Target> target = std::exchange(target_, nullptr);
  HOLDFAST_CHECK(target != nullptr);
  target->Send(std::move(response));
}

Handler Inline(std::function<Response(const Request&)> function) {
  return [function = std::move(function)](const Request& request, Reply reply) {
    reply.Send(function(request));
  };
}

namespace {

// A client that has just sent its request is not asked whether it is still there.
constexpr Duration kLongWait = std::chrono::milliseconds(100);

// How long it took tells of load: it ran to its end, or waited for something in vain.
Job::Timing TimingOf(int status) {
  return status < 400 || status == 504 ? Job::Timing::kTypical : Job::Timing::kUntypical;
}

}  // namespace

Handler Worker(WorkerPool& pool, std::function<Response(const Request&)> function) {
  const std::size_t kind = NewJobKind();
  auto shared =
      std::make_shared<const std::function<Response(const Request&)>>(std::move(function));
  return [&pool, shared, kind](const Request& request, Reply reply) {
    // A job must be copyable, a reply is not.
    auto kept = std::make_shared<Reply>(std::move(reply));
    const telemetry::TraceContext* const trace = telemetry::ScopedTrace::Current();
    Job job;
    const Clock& clock = SystemClock::Get();
    job.run = [shared, kept, &request, &clock, since = clock.SteadyNow(),
               trace = trace != nullptr ? *trace : telemetry::TraceContext()] {
      const telemetry::ScopedTrace scope(trace);
      const bool gone = clock.SteadyNow() - since > kLongWait && request.gone();
      Response response = gone ? Response::Text(kClientLeft, "") : (*shared)(request);
      const Job::Timing timing = TimingOf(response.status);
      kept->Send(std::move(response));
      return timing;
    };
    job.criticality = request.criticality();
    job.deadline = request.deadline();
    job.refuse = [kept, criticality = job.criticality](Refusal) { kept->Send(Busy(criticality)); };
    job.caller = ViewerOf(request);
    job.kind = kind;
    pool.Submit(std::move(job));
  };
}

struct Server::Impl {
  explicit Impl(std::shared_ptr<ServerState> s) : state(std::move(s)) {}

  absl::Status Listen();
  // And none will come: there may be none for a moment while clients are on their way back.
  bool NoConnections() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(state->mutex) {
    return state->connections == 0 && state->listening == 0;
  }

  const std::shared_ptr<ServerState> state;
  std::vector<std::shared_ptr<IoThread>> threads;
};

Server::Server(const ServerOptions& options, Router router, telemetry::Metrics& metrics)
    : impl_(std::make_unique<Impl>(
          std::make_shared<ServerState>(options, std::move(router.table_), metrics))) {}

Server::~Server() {
  for (const auto& thread : impl_->threads) thread->Stop();
}

absl::Status Server::Impl::Listen() {
  std::uint16_t port = state->options.port;
  const bool several = state->options.io_threads > 1;
  if (several) {
    // With SO_REUSEPORT two programs could share a port without knowing: ask for it alone first.
    auto alone = std::make_shared<IoThread>(state);
    HOLDFAST_RETURN_IF_ERROR(alone->Listen(port, false));
    port = alone->port();
  }
  for (std::int64_t i = 0; i < state->options.io_threads; ++i) {
    auto thread = std::make_shared<IoThread>(state);
    HOLDFAST_RETURN_IF_ERROR(thread->Listen(port, several));
    port = thread->port();
    threads.push_back(std::move(thread));
  }
  return absl::OkStatus();
}

absl::Status Server::Start() {
  HOLDFAST_CHECK(impl_->threads.empty());
  if (const absl::Status status = impl_->Listen(); !status.ok()) {
    impl_->threads.clear();
    return status;
  }
  for (const auto& thread : impl_->threads) thread->Run();
  return absl::OkStatus();
}

std::uint16_t Server::port() const {
  return impl_->threads.empty() ? 0 : impl_->threads.front()->port();
}

void Server::UpdateMetrics() const {
  double level = 0;
  for (const auto& thread : impl_->threads) {
    level = std::max(level, thread->probe().load().level());
  }
  impl_->state->shed_level.Set(level);
}

void Server::Drain(Deadline deadline) {
  impl_->state->draining = true;
  for (const auto& thread : impl_->threads) thread->Drain();
  {
    absl::MutexLock lock(&impl_->state->mutex);
    impl_->state->mutex.AwaitWithTimeout(absl::Condition(impl_.get(), &Impl::NoConnections),
                                         absl::FromChrono(deadline.Remaining()));
  }
  for (const auto& thread : impl_->threads) thread->Stop();
}

}  // namespace holdfast::http
