#include "libs/storage/pg_pool.h"

#include <libpq-fe.h>

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/storage/back_off.h"
#include "libs/storage/pg_connection.h"
#include "libs/telemetry/log.h"

namespace holdfast::storage {
namespace {

using Handle = std::unique_ptr<PgConnection>;

// A connection that was idle when another one failed is asked first; the answer takes a round trip.
constexpr std::chrono::milliseconds kCheckLimit(250);
constexpr std::chrono::milliseconds kRollbackLimit(200);

std::string ResultLabel(const absl::Status& status) {
  return absl::AsciiStrToLower(absl::StatusCodeToString(status.code()));
}

double Seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

void PgOptions::Describe(config::Knobs& k) {
  using namespace std::chrono_literals;
  k.Text("hosts", hosts, "Servers to try, in order: host:port,host:port or a socket folder.");
  k.Text("database", database, "Name of the database.");
  k.Text("user", user, "Role to log in as.");
  k.Secret("password", password, "Password of the role.");
  k.Choice("target", target, {"read-write", "primary", "standby", "prefer-standby", "any"},
           "Which of the servers will do.");
  k.Int("connections", connections, {.min = 1, .max = 200}, "Connections at most.");
  k.Duration("connect_timeout", connect_timeout, {.min = 10ms, .max = 60s},
             "Time one server gets to accept a connection.");
}

// Connections are owned by exactly one of: idle, a caller, the connector thread.
struct PgPool::Impl {
  Impl(const PgOptions& o, telemetry::Metrics& metrics)
      : options(o),
        hosts(o.hosts),
        queries(metrics.CounterFamily("holdfast_pg_queries_total",
                                      "Queries and transactions by result.", {"result"})),
        seconds(metrics.Histogram("holdfast_pg_seconds",
                                  "Time of a query or transaction, the wait for a connection "
                                  "not counted.")),
        wait_seconds(metrics.Histogram("holdfast_pg_wait_seconds",
                                       "Time a caller waited for a connection.")),
        idle_gauge(ConnectionsGauge(metrics).With({"idle"})),
        in_use_gauge(ConnectionsGauge(metrics).With({"in_use"})) {}

  static telemetry::GaugeFamily ConnectionsGauge(telemetry::Metrics& metrics) {
    return metrics.GaugeFamily("holdfast_pg_connections", "Open connections.", {"state"});
  }

  const PgOptions options;
  PgHosts hosts;
  std::atomic<bool> closing{false};
  telemetry::CounterFamily queries;
  telemetry::Histogram seconds;
  telemetry::Histogram wait_seconds;
  telemetry::Gauge idle_gauge;
  telemetry::Gauge in_use_gauge;
  SeededRandom random{SecureSeed()};

  absl::Mutex mutex;
  std::vector<Handle> idle ABSL_GUARDED_BY(mutex);
  std::int64_t in_use ABSL_GUARDED_BY(mutex) = 0;
  std::int64_t waiting ABSL_GUARDED_BY(mutex) = 0;
  std::int64_t shown_idle ABSL_GUARDED_BY(mutex) = 0;  // in the gauges
  std::int64_t shown_in_use ABSL_GUARDED_BY(mutex) = 0;
  absl::Status down ABSL_GUARDED_BY(mutex);  // OK, or why the last attempt to connect failed
  BackOff back_off ABSL_GUARDED_BY(mutex){random};
  std::thread connector;

  // --- callers ---

  absl::StatusOr<Handle> Acquire(Deadline deadline) {
    const SteadyTime start = std::chrono::steady_clock::now();
    absl::StatusOr<Handle> handle = AcquireChecked(deadline);
    wait_seconds.Observe(Seconds(std::chrono::steady_clock::now() - start));
    return handle;
  }

  absl::StatusOr<Handle> AcquireChecked(Deadline deadline) {
    while (true) {
      HOLDFAST_ASSIGN_OR_RETURN(Handle handle, Take(deadline));
      if (!handle->must_check) {
        if (!handle->HungUp()) return handle;
      } else {
        handle->must_check = false;
        const Duration limit = std::min<Duration>(kCheckLimit, deadline.Remaining() / 2);
        if (handle->Check(deadline.AtMost(limit)).ok()) return handle;
        hosts.Failed(handle->host());
      }
      Return(std::move(handle));
    }
  }

  absl::StatusOr<Handle> Take(Deadline deadline) ABSL_LOCKS_EXCLUDED(mutex) {
    if (deadline.Passed()) return DeadlineExceeded("no time left for postgresql");
    absl::MutexLock lock(&mutex);
    ++waiting;
    mutex.AwaitWithTimeout(absl::Condition(this, &Impl::AnswerForWaiter),
                           absl::FromChrono(deadline.Remaining()));
    --waiting;
    if (!idle.empty()) {
      Handle handle = std::move(idle.back());
      idle.pop_back();
      ++in_use;
      SetGauges();
      return handle;
    }
    if (AnswerForWaiter()) return down.ok() ? Unavailable("pool is closing") : down;
    return DeadlineExceeded("no connection to postgresql in time ({} in use)", in_use);
  }

  bool AnswerForWaiter() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return !idle.empty() || closing || (!down.ok() && in_use == 0);
  }

  void Return(Handle handle) ABSL_LOCKS_EXCLUDED(mutex) {
    const bool keep = handle->usable() && !handle->in_transaction();
    absl::MutexLock lock(&mutex);
    --in_use;
    // The server may be hung or a standby by now: its other connections have to prove themselves.
    if (!handle->usable()) {
      for (Handle& other : idle) other->must_check = true;
    }
    if (keep) idle.push_back(std::move(handle));
    SetGauges();
  }

  // By differences: several pools of a program share the gauges.
  void SetGauges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const auto now_idle = static_cast<std::int64_t>(idle.size());
    idle_gauge.Add(static_cast<double>(now_idle - std::exchange(shown_idle, now_idle)));
    in_use_gauge.Add(static_cast<double>(in_use - std::exchange(shown_in_use, in_use)));
  }

  void Count(const absl::Status& status, SteadyTime start) {
    queries.With({ResultLabel(status)}).Add();
    seconds.Observe(Seconds(std::chrono::steady_clock::now() - start));
  }

  // Lends a connection to `work`. What `work` answers is the answer.
  template <class Answer>
  Answer With(Deadline deadline, const std::function<Answer(PgConnection&)>& work) {
    absl::StatusOr<Handle> handle = Acquire(deadline);
    if (!handle.ok()) {
      queries.With({ResultLabel(handle.status())}).Add();
      return handle.status();
    }
    const SteadyTime start = std::chrono::steady_clock::now();
    Answer answer = work(**handle);
    if constexpr (std::is_same_v<Answer, absl::Status>) {
      Count(answer, start);
    } else {
      Count(answer.status(), start);
    }
    Return(*std::move(handle));
    return answer;
  }

  // --- the connector thread ---

  bool MayConnect() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const auto open = static_cast<std::int64_t>(idle.size()) + in_use;
    return (waiting > 0 || !down.ok()) && idle.empty() && open < options.connections;
  }
  bool MayConnectOrCloses() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return closing || MayConnect();
  }
  bool Closes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return closing; }

  void KeepConnecting() {
    while (true) {
      {
        absl::MutexLock lock(&mutex);
        mutex.Await(absl::Condition(this, &Impl::MayConnectOrCloses));
        if (closing) return;
      }
      absl::StatusOr<Handle> opened =
          PgConnection::Open(options, hosts, Deadline::Never(), closing);
      absl::MutexLock lock(&mutex);
      if (opened.ok()) {
        if (!down.ok())
          telemetry::Log(telemetry::Info, "postgresql is back", {{"database", options.database}});
        down = absl::OkStatus();
        back_off.Succeeded();
        idle.push_back(*std::move(opened));
        SetGauges();
        continue;
      }
      if (down.ok() && !closing) {
        telemetry::Log(
            telemetry::Warning, "postgresql cannot be reached",
            {{"database", options.database}, {"reason", View(opened.status().message())}});
      }
      down = opened.status();
      mutex.AwaitWithTimeout(absl::Condition(this, &Impl::Closes),
                             absl::FromChrono(back_off.Failed()));
    }
  }
};

PgPool::PgPool(const PgOptions& options, telemetry::Metrics& metrics)
    : impl_(std::make_unique<Impl>(options, metrics)) {
  impl_->connector = std::thread([impl = impl_.get()] { impl->KeepConnecting(); });
}

PgPool::~PgPool() {
  if (impl_ == nullptr) return;
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->closing = true;
  }
  impl_->connector.join();
  absl::MutexLock lock(&impl_->mutex);
  impl_->idle.clear();
  impl_->SetGauges();
}

PgPool::PgPool(PgPool&&) noexcept = default;

absl::StatusOr<PgResult> PgPool::Run(Deadline deadline, std::string_view sql,
                                     const std::vector<PgParam>& params) {
  return impl_->With<absl::StatusOr<PgResult>>(
      deadline, [&](PgConnection& connection) { return connection.Query(sql, params, deadline); });
}

absl::Status PgPool::Transact(Deadline deadline,
                              const std::function<absl::Status(PgTransaction&)>& body) {
  return impl_->With<absl::Status>(deadline, [&](PgConnection& connection) -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(connection.Execute("BEGIN", deadline).status());
    PgTransaction transaction(connection, deadline);
    if (absl::Status status = body(transaction); !status.ok()) {
      // A connection that cannot roll back in time is closed, which rolls back as well.
      if (connection.usable()) {
        (void)connection.Execute("ROLLBACK", Deadline::After(kRollbackLimit));
      }
      return status;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult committed, connection.Execute("COMMIT", deadline));
    // The server answers ROLLBACK when the body went on after a failed statement.
    if (committed.command() != "COMMIT") return Internal("commit of a transaction that had failed");
    return absl::OkStatus();
  });
}

absl::Status PgPool::Execute(Deadline deadline, const std::string& script) {
  return impl_->With<absl::Status>(deadline, [&](PgConnection& connection) {
    return connection.Execute(script, deadline).status();
  });
}

absl::Status PgPool::Ping(Deadline deadline) { return Execute(deadline, "SELECT 1"); }

absl::StatusOr<PgResult> PgTransaction::Run(std::string_view sql,
                                            const std::vector<PgParam>& params) {
  return connection_.Query(sql, params, deadline_);
}

absl::Status PgTransaction::Execute(const std::string& script) {
  return connection_.Execute(script, deadline_).status();
}

}  // namespace holdfast::storage
