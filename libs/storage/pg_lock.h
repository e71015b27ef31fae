// One instance at a time: a session-level advisory lock on a connection of its own. When the
// holder dies, PostgreSQL frees the lock with the connection and the next one gets it.
#pragma once

#include <memory>
#include <string_view>

#include "libs/storage/pg_pool.h"

namespace holdfast::storage {

// Not thread-safe: one job thread owns it.
class PgLeader {
 public:
  // `job` names the lock within the database.
  PgLeader(const PgOptions& options, std::string_view job);
  ~PgLeader();  // gives the lock up

  // True while this process holds the lock; tries to get it if not. Checks the connection each
  // time, so a true answer was true within `deadline` ago. A holder that does not ask for five
  // minutes (it hangs) loses the lock. A holder may therefore be stopped and resumed after another
  // took over: what a job writes must be conditional on the state it was decided from.
  bool IsLeader(Deadline deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::storage
