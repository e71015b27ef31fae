#include "libs/storage/redis_pool.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/storage/back_off.h"
#include "libs/storage/redis_connection.h"
#include "libs/telemetry/log.h"

namespace holdfast::storage {
namespace {

using Handle = std::unique_ptr<RedisConnection>;

// Errors that say "not this server, not now" rather than "wrong command".
bool MeansUnusable(const RedisReply& reply) {
  if (reply.kind != RedisReply::Kind::kError) return false;
  for (const std::string_view word :
       {"LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS", "MISCONF", "NOAUTH", "BUSY "}) {
    if (reply.text.starts_with(word)) return true;
  }
  return false;
}

absl::Status UsableOrError(const std::vector<RedisReply>& replies) {
  for (const RedisReply& reply : replies) {
    if (MeansUnusable(reply)) return Unavailable("redis: {}", reply.text);
  }
  return absl::OkStatus();
}

}  // namespace

void RedisOptions::Describe(config::Knobs& k) {
  using namespace std::chrono_literals;
  k.Text("address", address, "Server as host:port; empty: none, what needs it works without.");
  k.Secret("password", password, "Password of the server.");
  k.Int("connections", connections, {.min = 1, .max = 100}, "Connections at most.");
  k.Duration("connect_timeout", connect_timeout, {.min = 10ms, .max = 10s},
             "Time the server gets to accept a connection.");
}

struct RedisPool::Impl {
  Impl(const RedisOptions& o, telemetry::Metrics& metrics)
      : options(o),
        calls(metrics.CounterFamily("holdfast_redis_calls_total",
                                    "Commands and pipelines by result.", {"result"})),
        seconds(metrics.Histogram("holdfast_redis_seconds",
                                  "Time of a command or pipeline that was sent.")) {}

  const RedisOptions options;
  telemetry::CounterFamily calls;
  telemetry::Histogram seconds;
  SeededRandom random{SecureSeed()};

  absl::Mutex mutex;
  std::vector<Handle> idle ABSL_GUARDED_BY(mutex);
  std::int64_t lent ABSL_GUARDED_BY(mutex) = 0;  // to callers, also those that still connect
  SteadyTime down_until ABSL_GUARDED_BY(mutex) = SteadyTime::min();
  absl::Status why_down ABSL_GUARDED_BY(mutex);
  bool trying ABSL_GUARDED_BY(mutex) = false;  // one caller finds out whether it is back
  BackOff back_off ABSL_GUARDED_BY(mutex){random};

  bool CanLend() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return lent < options.connections || !why_down.ok();
  }

  // A connection to use; null: the caller may open one.
  absl::StatusOr<Handle> Acquire(Deadline deadline) ABSL_LOCKS_EXCLUDED(mutex) {
    absl::MutexLock lock(&mutex);
    mutex.AwaitWithTimeout(absl::Condition(this, &Impl::CanLend),
                           absl::FromChrono(deadline.Remaining()));
    if (!why_down.ok()) {
      if (trying || std::chrono::steady_clock::now() < down_until) return why_down;
      trying = true;
      ++lent;
      return Handle();
    }
    if (!CanLend()) return DeadlineExceeded("no connection to redis in time");
    ++lent;
    while (!idle.empty()) {
      Handle handle = std::move(idle.back());
      idle.pop_back();
      if (!handle->HungUp()) return handle;
    }
    return Handle();
  }

  void Succeeded(Handle handle) ABSL_LOCKS_EXCLUDED(mutex) {
    absl::MutexLock lock(&mutex);
    --lent;
    trying = false;
    if (!why_down.ok()) telemetry::Log(telemetry::Info, "redis is back");
    why_down = absl::OkStatus();
    back_off.Succeeded();
    idle.push_back(std::move(handle));
  }

  void Failed(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex) {
    absl::MutexLock lock(&mutex);
    --lent;
    trying = false;
    if (why_down.ok()) {
      telemetry::Log(telemetry::Warning, "redis cannot be used",
                     {{"reason", View(status.message())}});
    }
    why_down = Unavailable("{}", View(status.message()));
    down_until = std::chrono::steady_clock::now() + back_off.Failed();
    idle.clear();  // whatever ailed one ails the others
  }

  absl::StatusOr<std::vector<RedisReply>> RunOn(Handle& handle,
                                                const std::vector<RedisCommand>& commands,
                                                Deadline deadline) {
    if (handle == nullptr) {
      const Deadline own = deadline.AtMost(options.connect_timeout);
      HOLDFAST_ASSIGN_OR_RETURN(handle, RedisConnection::Open(options, own));
    }
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<RedisReply> replies, handle->Run(commands, deadline));
    HOLDFAST_RETURN_IF_ERROR(UsableOrError(replies));
    return replies;
  }

  absl::StatusOr<std::vector<RedisReply>> Run(const std::vector<RedisCommand>& commands,
                                              Deadline deadline) {
    if (options.address.empty()) return Unavailable("no redis is configured");
    if (deadline.Passed()) return DeadlineExceeded("no time left for redis");
    HOLDFAST_ASSIGN_OR_RETURN(Handle handle, Acquire(deadline));
    const SteadyTime start = std::chrono::steady_clock::now();
    auto replies = RunOn(handle, commands, deadline);
    seconds.Observe(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    if (replies.ok()) {
      Succeeded(std::move(handle));
    } else {
      Failed(replies.status());
    }
    return replies;
  }
};

RedisPool::RedisPool(const RedisOptions& options, telemetry::Metrics& metrics)
    : impl_(std::make_unique<Impl>(options, metrics)) {}

RedisPool::~RedisPool() = default;
RedisPool::RedisPool(RedisPool&&) noexcept = default;

absl::StatusOr<RedisReply> RedisPool::Call(Deadline deadline, const RedisCommand& command) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<RedisReply> replies, Pipeline(deadline, {command}));
  return std::move(replies.front());
}

absl::StatusOr<std::vector<RedisReply>> RedisPool::Pipeline(
    Deadline deadline, const std::vector<RedisCommand>& commands) {
  if (commands.empty()) return std::vector<RedisReply>();
  auto replies = impl_->Run(commands, deadline);
  impl_->calls.With({absl::AsciiStrToLower(absl::StatusCodeToString(replies.status().code()))})
      .Add();
  return replies;
}

absl::Status RedisPool::Ping(Deadline deadline) { return Call(deadline, {"PING"}).status(); }

}  // namespace holdfast::storage
