// REST v1: the Idempotency-Key of writes. The same key with the same request is answered as the
// first time, by any instance, for a day; with another request it is refused. While PostgreSQL is
// away this instance remembers by itself, so that another one may do a request again: what these
// requests do may be done twice (the last writer wins, and what is new has its id of the key).
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "services/middleware/audit_store.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// Thread-safe; blocks for the database. Everything it is given outlives it.
class IdempotentAnswers {
 public:
  IdempotentAnswers(AuditStore& store, const DatabaseHealth& database, const Clock& clock)
      : store_(store), database_(database), clock_(clock) {}

  // Runs `act` unless the device's key has been answered before.
  http::Response Once(const RestCall& call, const std::function<http::Response()>& act);

 private:
  struct Answer {
    std::string hash;
    int status = 0;
    std::string text;
    SteadyTime at;
  };

  std::optional<http::Response> FromMemory(const KeyedRequest& request);
  void Remember(const KeyedRequest& request, const http::Response& response);
  // Nothing: the database could not be asked.
  std::optional<KeyedAnswer> Take(const KeyedRequest& request);
  // False: the database did not take it.
  bool Keep(const KeyedRequest& request, const http::Response& response);

  AuditStore& store_;
  const DatabaseHealth& database_;
  const Clock& clock_;
  absl::Mutex mutex_;
  StringMap<Answer> answers_ ABSL_GUARDED_BY(mutex_);             // by device and key
  std::deque<std::string> oldest_first_ ABSL_GUARDED_BY(mutex_);  // the keys of answers_
};

}  // namespace holdfast::middleware
