#include "libs/storage/pg_lock.h"

#include <atomic>
#include <utility>

#include "libs/storage/pg_connection.h"

namespace holdfast::storage {
namespace {

constexpr std::string_view kTryLock =
    "SELECT pg_try_advisory_lock(hashtextextended('leader of ' || $1, 0))";
constexpr char kLoseLockWhenHung[] = "SET idle_session_timeout = '5min'";

}  // namespace

struct PgLeader::Impl {
  Impl(const PgOptions& o, std::string_view j) : options(o), hosts(o.hosts), job(j) {}

  const PgOptions options;
  PgHosts hosts;
  const std::string job;
  std::atomic<bool> never_cancelled{false};
  std::unique_ptr<PgConnection> connection;
  bool holds_lock = false;

  void Drop() {
    connection.reset();
    holds_lock = false;
  }

  // A connection that answers and still leads to what options.target asks for.
  bool Connected(Deadline deadline) {
    if (connection != nullptr && connection->Check(deadline).ok()) return true;
    Drop();
    auto opened = PgConnection::Open(options, hosts, deadline, never_cancelled);
    if (!opened.ok() || !(*opened)->Execute(kLoseLockWhenHung, deadline).ok()) return false;
    connection = *std::move(opened);
    return true;
  }
};

PgLeader::PgLeader(const PgOptions& options, std::string_view job)
    : impl_(new Impl(options, job)) {}

PgLeader::~PgLeader() = default;

bool PgLeader::IsLeader(Deadline deadline) {
  if (!impl_->Connected(deadline)) return false;
  if (impl_->holds_lock) return true;  // as long as the session lives
  auto answer = impl_->connection->Query(kTryLock, {PgParam(impl_->job)}, deadline);
  if (!answer.ok()) {
    impl_->Drop();
    return false;
  }
  impl_->holds_lock = answer->Bool(0, 0);
  return impl_->holds_lock;
}

}  // namespace holdfast::storage
