// Where the audit log and the answers to idempotency keys lie: those of operators, and of apps.
// PostgreSQL behind it (pg_store_admin.h); every call blocks up to its deadline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"

namespace holdfast::middleware {

struct AuditEntry {
  std::int64_t id = 0;  // given when it is stored
  std::int64_t at_ms = 0;
  std::string actor;
  std::string address;
  std::string action;
  std::string object;
  std::string request;
  std::string outcome;  // "": not known
};

// Empty fields choose nothing out.
struct AuditQuery {
  std::string actor;
  std::string action;
  std::string object;
  std::int64_t since_ms = 0;
  std::int64_t until_ms = 0;
  std::int64_t before_id = 0;
  int limit = 100;
};

// A request that carried an idempotency key.
struct KeyedRequest {
  std::string op;  // whose key it is
  std::string key;
  std::string hash;  // of method, address and body
};

struct KeyedAnswer {
  enum class State {
    kNew,       // it is ours to answer
    kAnswered,  // as before
    kUnderWay,  // another request with the key has not ended
    kMisused,   // the key came with another request
  };
  State state = State::kNew;
  int status = 0;
  std::string body;
};

// Thread-safe.
class AuditStore {
 public:
  virtual ~AuditStore() = default;

  // The id of the new entry.
  virtual absl::StatusOr<std::int64_t> Begin(Deadline deadline, const AuditEntry& entry) = 0;
  // How it ended; the first word on it stays.
  virtual absl::Status End(Deadline deadline, std::int64_t id, const std::string& outcome) = 0;
  // The newest first.
  virtual absl::StatusOr<std::vector<AuditEntry>> List(Deadline deadline,
                                                       const AuditQuery& query) = 0;

  // Takes the key, if it is free. One that was taken before `stale_before_ms` and never answered is
  // free again; answers older than `forget_before_ms` are forgotten.
  virtual absl::StatusOr<KeyedAnswer> TakeKey(Deadline deadline, const KeyedRequest& request,
                                              std::int64_t now_ms, std::int64_t stale_before_ms,
                                              std::int64_t forget_before_ms) = 0;
  virtual absl::Status KeepAnswer(Deadline deadline, const KeyedRequest& request, int status,
                                  const std::string& body) = 0;
  virtual absl::Status ReleaseKey(Deadline deadline, const KeyedRequest& request) = 0;
};

}  // namespace holdfast::middleware
