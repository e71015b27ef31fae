// The confirmed app logins of this instance: in memory, with a copy on disk. What other instances
// confirmed comes through the database (AppLogins::Sync).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "services/middleware/app_login_store.h"
#include "services/middleware/domain/app_login.h"

namespace holdfast::middleware {

using SharedAppLogin = std::shared_ptr<const AppLogin>;

// Thread-safe. LoadFromDisk and SaveToDisk block. One entry of an account, so it is bounded by the
// accounts that there are: nobody makes entries by guessing.
class AppLoginTable {
 public:
  explicit AppLoginTable(std::string file) : file_(std::move(file)) {}  // "": no copy on disk

  SharedAppLogin FindByTag(std::string_view tag) const;  // null if unknown or refused
  SharedAppLogin FindByAccount(const AccountId& account) const;
  // False, and nothing changes, if what is held counts more.
  bool Put(AppLogin login);

  std::vector<std::string> KeyIds() const;   // of the keys that made the tags held, each once
  std::vector<AppLogin> NotStored() const;   // those with revision 0
  AppLoginStore::Position position() const;  // how far the database was read
  void SetPosition(AppLoginStore::Position position);
  std::size_t size() const;

  // NOT_FOUND or DATA_LOSS leave the table empty.
  absl::Status LoadFromDisk();
  absl::Status SaveToDisk();  // if something changed

 private:
  void PutLocked(SharedAppLogin login) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string file_;
  mutable absl::Mutex mutex_;
  StringMap<SharedAppLogin> by_tag_ ABSL_GUARDED_BY(mutex_);      // without refused ones
  StringMap<SharedAppLogin> by_account_ ABSL_GUARDED_BY(mutex_);  // all
  AppLoginStore::Position position_ ABSL_GUARDED_BY(mutex_);
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::middleware
