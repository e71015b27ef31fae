#include "libs/rpc/server_core.h"

#include <pthread.h>

#include <system_error>
#include <utility>

#include "libs/telemetry/log.h"

namespace holdfast::rpc {

namespace {

// What is too long for a call that is answered from memory; less may be the machine that gives a
// thread its time late.
constexpr Duration kRightDelay = std::chrono::milliseconds(50);
constexpr std::size_t kMaxCallers = 32;

}  // namespace

ServerMetrics::ServerMetrics(telemetry::Metrics& metrics)
    : requests(
          metrics.CounterFamily("holdfast_rpc_server_requests_total",
                                "Calls answered, by method, calling service (as its certificate "
                                "says; without one none) and status code.",
                                {"method", "caller", "code"})),
      seconds(
          metrics.HistogramFamily("holdfast_rpc_server_seconds",
                                  "Time from when a thread of gRPC took a call up to its answer. "
                                  "What it waited for that thread is not in it: see "
                                  "holdfast_rpc_server_loop_seconds.",
                                  {"method"})),
      loop_seconds(metrics.Histogram(
          "holdfast_rpc_server_loop_seconds",
          "Time that a call waits from its arrival until a thread of gRPC takes it up, measured by "
          "calls of the server to itself while others call it.")),
      in_flight(metrics.Gauge("holdfast_rpc_server_in_flight", "Calls being served.")),
      inline_shed_level(metrics.Gauge(
          "holdfast_rpc_server_inline_shed_level",
          "Classes of inline calls that are refused: 0 none, 1 bulk, 2 background too, 3 "
          "interactive too.")) {}

std::string_view CallerLabels::LabelOf(const std::string& caller) {
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (known_.contains(caller)) return caller;
  }
  absl::MutexLock lock(&mutex_);
  if (known_.size() >= kMaxCallers) return "other";
  known_.insert(caller);
  return caller;
}

StreamThreads::~StreamThreads() {
  std::list<Entry> entries;
  {
    absl::MutexLock lock(&mutex_);
    draining_ = true;
    entries.swap(entries_);
  }
  for (Entry& entry : entries) entry.thread.join();
}

StreamThreads::Started StreamThreads::Start(RunningStream& stream) {
  JoinEnded();
  absl::MutexLock lock(&mutex_);
  if (draining_) return Started::kDraining;
  if (running_ >= limit_) return Started::kFull;
  Entry& entry = entries_.emplace_back();
  entry.stream = &stream;
  try {
    entry.thread = std::thread([this, &entry] { Run(entry); });
  } catch (const std::system_error& error) {  // the machine has no thread to give
    telemetry::Log(telemetry::Error, "no thread for a stream", {{"error", error.what()}});
    entries_.pop_back();
    return Started::kFull;
  }
  ++running_;
  return Started::kYes;
}

void StreamThreads::StopForDrain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
  for (Entry& entry : entries_) {
    if (entry.stream != nullptr) entry.stream->StopForDrain();
  }
}

void StreamThreads::Run(Entry& entry) {
  pthread_setname_np(pthread_self(), "rpc-stream");
  RunningStream* stream = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    stream = entry.stream;
  }
  stream->Serve();
  {
    absl::MutexLock lock(&mutex_);
    entry.stream = nullptr;
    --running_;
  }
  stream->Finish();
  absl::MutexLock lock(&mutex_);
  entry.ended = true;
}

void StreamThreads::JoinEnded() {
  std::list<Entry> ended;
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = entries_.begin(); it != entries_.end();) {
      const auto entry = it++;
      if (entry->ended) ended.splice(ended.end(), entries_, entry);
    }
  }
  for (Entry& entry : ended) entry.thread.join();
}

ServerCore::ServerCore(const ServerOptions& options, const Clock& server_clock,
                       Random& server_random, telemetry::Metrics& server_metrics)
    : clock(server_clock),
      random(server_random),
      callers_have_names(options.tls.enabled()),
      metrics(server_metrics),
      inline_load({}, random),
      inline_delay({.right = kRightDelay}, inline_load),
      loop(clock, random, inline_delay, metrics.loop_seconds),
      admission("grpc", server_metrics),
      workers({.name = "rpc-worker", .threads = static_cast<std::size_t>(options.workers.threads)},
              admission::MakeQueue(options.workers), &admission),
      streams(options.max_streams) {}

const ServedMethod* ServerCore::Find(std::string_view path) const {
  const auto* found = holdfast::Find(methods, path);
  return found == nullptr ? nullptr : found->get();
}

}  // namespace holdfast::rpc
