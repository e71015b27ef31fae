// One connection to PostgreSQL by asynchronous libpq. Inside libs/storage only: services use
// PgPool.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/deadline.h"
#include "libs/base/string_map.h"
#include "libs/storage/pg_pool.h"
#include "libs/storage/resolver.h"

struct pg_conn;

namespace holdfast::storage {

// The hosts of a database in the order in which they should be tried: one that failed goes behind
// the others until it has served again. Thread-safe.
class PgHosts {
 public:
  explicit PgHosts(const std::string& hosts);

  std::vector<HostPort> InOrder() const;
  void Failed(const HostPort& host);
  void Served(const HostPort& host);

 private:
  mutable absl::Mutex mutex_;
  std::vector<HostPort> order_ ABSL_GUARDED_BY(mutex_);
};

// Not thread-safe. No call outlives its deadline. After a deadline or a lost connection usable()
// is false for good: an answer may still be under way, so nobody else may use it.
class PgConnection {
 public:
  // Tries the hosts one by one, each for at most options.connect_timeout, until one is what
  // options.target asks for. Gives up early when `cancelled` turns true. UNAVAILABLE names what was
  // tried.
  static absl::StatusOr<std::unique_ptr<PgConnection>> Open(const PgOptions& options,
                                                            PgHosts& hosts, Deadline deadline,
                                                            const std::atomic<bool>& cancelled);
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  // Prepares `sql` at first use.
  absl::StatusOr<PgResult> Query(std::string_view sql, const std::vector<PgParam>& params,
                                 Deadline deadline);
  // One or more statements without parameters; the answer is the last one's.
  absl::StatusOr<PgResult> Execute(const std::string& script, Deadline deadline);

  // Whether the server still answers and still is what options.target asks for.
  absl::Status Check(Deadline deadline);

  // Looks, without waiting, whether the server has hung up.
  bool HungUp();

  bool usable() const { return usable_; }
  bool in_transaction() const;
  const HostPort& host() const { return host_; }

  bool must_check = false;  // the pool's note: ask Check() before handing it out

 private:
  PgConnection(const PgOptions& options, const HostPort& host, const std::atomic<bool>& cancelled)
      : options_(options), host_(host), cancelled_(cancelled) {}

  absl::Status Connect(const std::string& address, Deadline deadline);
  absl::Status MatchesTarget(const PgResult& state) const;
  absl::StatusOr<std::string> Prepare(std::string_view sql, Deadline deadline);
  absl::StatusOr<PgResult> Finish(Deadline deadline);
  absl::Status WaitFor(short events, Deadline deadline);
  absl::Status Lost(std::string_view doing);
  absl::Status ErrorOf(const PgResult& result);

  const PgOptions options_;
  const HostPort host_;
  const std::atomic<bool>& cancelled_;
  pg_conn* connection_ = nullptr;
  bool usable_ = false;
  StringMap<std::string> prepared_;  // SQL text -> statement name
};

}  // namespace holdfast::storage
