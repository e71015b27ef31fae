// Brings a database to the schema of this release, without making the start wait for it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <thread>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/app/threads.h"
#include "libs/storage/pg_migrate.h"

namespace holdfast::app {

// All but state() from one thread; the pool must outlive Stop.
class SchemaKeeper {
 public:
  SchemaKeeper(storage::PgPool& pool, std::span<const storage::Migration> migrations,
               std::function<void()> then);
  ~SchemaKeeper();  // Stop()

  // Tries until it succeeds, the server is found to be away, `patience` is over or `stop` is set.
  // `then` runs before it returns.
  void TryNow(Duration patience, const StopSignal& stop);
  // Goes on on a thread of its own, if there is anything left to do.
  void Start();
  void Stop();

  absl::Status state() const;  // OK: the schema is in place

 private:
  bool TryOnce(Deadline deadline);

  storage::PgPool& pool_;
  const std::span<const storage::Migration> migrations_;
  const std::function<void()> then_;
  StopSignal stop_;
  std::thread thread_;
  mutable absl::Mutex mutex_;
  absl::Status state_ ABSL_GUARDED_BY(mutex_) = absl::UnavailableError("not tried yet");
};

}  // namespace holdfast::app
