// PostgreSQL through libpq, without its traps: every call ends by its deadline even when the
// server is stopped or the network swallows packets, several hosts are tried each within its own
// time, and a connection that misbehaved is thrown away.
//
//   HOLDFAST_ASSIGN_OR_RETURN(PgResult rows, pool.Query(deadline, kFindAccount, id.value()));
//   HOLDFAST_RETURN_IF_ERROR(pool.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
//     HOLDFAST_RETURN_IF_ERROR(tx.Query(kInsert, ...).status());
//     return absl::OkStatus();        // commits; any error rolls back
//   }));
//
// Codes: UNAVAILABLE (no connection, server shutting down, read-only after failover),
// DEADLINE_EXCEEDED, ALREADY_EXISTS (unique_violation), FAILED_PRECONDITION (foreign key, check),
// ABORTED (serialization failure, deadlock: try again), INVALID_ARGUMENT (bad text for a type),
// INTERNAL for the rest. After UNAVAILABLE or DEADLINE_EXCEEDED of a write its outcome is unknown:
// repeat it only with an idempotency key.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "libs/config/knobs.h"
#include "libs/telemetry/metrics.h"

struct pg_result;

namespace holdfast::storage {

struct PgOptions {
  std::string hosts;  // "127.0.0.1:5432,127.0.0.2:5432"; a path (/run/pg) is a Unix socket folder
  std::string database;
  std::string user;
  std::string password;  // from a file
  std::string target = "read-write";
  std::int64_t connections = 8;
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(1);  // per host

  void Describe(config::Knobs& k);
};

// One parameter, sent as text. Made from strings, integers, doubles, bools, optionals, WallTime
// (timestamptz) and vectors of strings or integers (arrays).
class PgParam {
 public:
  PgParam(std::string_view text) : text_(text) {}
  PgParam(const std::string& text) : text_(text) {}
  PgParam(const char* text) : text_(text) {}
  PgParam(std::int64_t n) : text_(std::to_string(n)) {}
  PgParam(std::uint64_t n) : text_(std::to_string(n)) {}
  PgParam(std::int32_t n) : text_(std::to_string(n)) {}
  PgParam(std::uint32_t n) : text_(std::to_string(n)) {}
  PgParam(double n);
  PgParam(bool b) : text_(b ? "t" : "f") {}
  PgParam(WallTime t);
  PgParam(std::nullopt_t) {}
  PgParam(const std::vector<std::string>& array);
  PgParam(const std::vector<std::int64_t>& array);
  template <class T>
  PgParam(const std::optional<T>& value) {
    if (value) text_ = PgParam(*value).text_;
  }
  // Bytes for a bytea column.
  static PgParam Bytes(std::string_view bytes);

  const std::optional<std::string>& text() const { return text_; }

 private:
  std::optional<std::string> text_;  // nothing: NULL
};

// Rows of an answer. Columns by position, in the order the SQL names them. A value that does not
// have the asked type is a broken invariant: SQL and code belong together.
class PgResult {
 public:
  explicit PgResult(pg_result* result);  // takes ownership

  int rows() const;
  std::string_view command() const;  // "INSERT 0 1", "COMMIT" ...
  std::int64_t affected() const;     // rows changed by INSERT, UPDATE, DELETE

  bool IsNull(int row, int column) const;
  std::string_view Text(int row, int column) const;  // valid while this object lives
  std::int64_t Int(int row, int column) const;
  double Real(int row, int column) const;
  bool Bool(int row, int column) const;
  WallTime Time(int row, int column) const;
  std::string Bytes(int row, int column) const;
  std::vector<std::string> TextArray(int row, int column) const;

 private:
  struct Free {
    void operator()(pg_result* result) const;
  };
  friend class PgConnection;
  std::unique_ptr<pg_result, Free> result_;
};

class PgConnection;

// Handed to the function of Transact; use only inside it, from its thread.
class PgTransaction {
 public:
  template <class... Params>
  absl::StatusOr<PgResult> Query(std::string_view sql, const Params&... params) {
    return Run(sql, std::vector<PgParam>{PgParam(params)...});
  }
  absl::StatusOr<PgResult> Run(std::string_view sql, const std::vector<PgParam>& params);

  // Several statements in one text, without parameters.
  absl::Status Execute(const std::string& script);

 private:
  friend class PgPool;
  PgTransaction(PgConnection& connection, Deadline deadline)
      : connection_(connection), deadline_(deadline) {}
  PgConnection& connection_;
  Deadline deadline_;
};

// A fixed number of connections, opened when needed by a thread of the pool, so that a caller with
// little time does not spoil an attempt. While no host can be reached that thread goes on trying
// (every 100 ms, growing to 1 s, jittered) and calls fail at once with UNAVAILABLE: an absent
// database costs its callers nothing. Statements are prepared once per connection.
//
// Thread-safe; calls block their thread up to the deadline, so use it on worker threads only. The
// destructor waits for nothing but an attempt to connect that is under way (50 ms).
class PgPool {
 public:
  PgPool(const PgOptions& options, telemetry::Metrics& metrics);
  ~PgPool();
  PgPool(PgPool&&) noexcept;

  template <class... Params>
  absl::StatusOr<PgResult> Query(Deadline deadline, std::string_view sql, const Params&... params) {
    return Run(deadline, sql, std::vector<PgParam>{PgParam(params)...});
  }
  absl::StatusOr<PgResult> Run(Deadline deadline, std::string_view sql,
                               const std::vector<PgParam>& params);

  // Runs `body` between BEGIN and COMMIT. OK only when the commit was acknowledged.
  absl::Status Transact(Deadline deadline, const std::function<absl::Status(PgTransaction&)>& body);

  // Several statements in one text, without parameters: for migrations and tests.
  absl::Status Execute(Deadline deadline, const std::string& script);

  absl::Status Ping(Deadline deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::storage
