// What every account may watch, as far as this instance knows: answered from memory, kept fresh
// behind the scenes, kept for a week past any news, saved on disk.
//
// Three sources: billing is asked when an account is first seen and when an answer grows old;
// billing's feed pushes changes; the copy on disk survives a restart during an outage. What none of
// them can prove by billing's signature is a failed read (entitlement_records.h): the last one that
// was believed stays, and billing is asked again when the account is used.
//
// An account that billing does not know is known to have nothing; only an account of which billing
// never said anything is unknown (Peek and Load answer null).
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/base/worker_pool.h"
#include "libs/replica/replica.h"
#include "libs/replica/stale_cache.h"
#include "libs/security/key_folder.h"
#include "services/middleware/account_notes.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/entitlement_records.h"
#include "services/middleware/peers.h"

namespace holdfast::middleware {

// Thread-safe. Peek never blocks; Load and SaveToDisk do.
class Entitlements {
 public:
  struct Options {
    std::string file;        // the copy on disk; empty: none
    std::string older_file;  // read if that is not there: of a release before records were kept
    std::chrono::milliseconds refresh_after = std::chrono::minutes(5);
  };

  struct Dependencies {  // all must outlive it
    const Clock& clock;
    telemetry::Metrics& metrics;
    Billing& billing;
    const AccountNotes& notes;
    WorkerPool& workers;
    const security::KeyFolder& billing_keys;
    const security::KeySet& portal_keys;
  };

  Entitlements(const Options& options, const Dependencies& dependencies);
  ~Entitlements();

  // Null if nothing is known; then billing is asked in the background for the next time.
  SharedEntitlement Peek(const AccountId& account);

  // The same, but asks billing when nothing is known, up to the deadline.
  SharedEntitlement Load(const AccountId& account, Deadline deadline);

  // After a change that was made through us: what billing says now, rather than when its feed
  // comes. Blocks up to the deadline; when it cannot be asked, the feed brings it.
  void Renew(const AccountId& account, Deadline deadline);

  // Nothing if nothing is known. The balance is the one that the operator's own systems told, if
  // they told one.
  std::optional<AccountPage> Page(const AccountId& account);

  // Fed by billing's publication "entitlements".
  replica::ReplicaBase& feed();
  // How long billing has been silent, when that is worth telling; nothing while it talks to us.
  std::optional<std::chrono::seconds> StaleSince() const;

  // Accounts whose tariff began to allow fewer boxes, as billing's feed told since the last call,
  // with how many it allows.
  std::vector<std::pair<AccountId, int>> TakeShrunk();
  void PutBackShrunk(const AccountId& account, int max_devices);  // unless newer is known

  void LoadFromDisk();
  absl::Status SaveToDisk();
  std::size_t size() const { return cache_.size(); }

 private:
  class Feed;
  struct Memo {
    SharedBytes bytes;              // the record, judged
    SharedEntitlement entitlement;  // what it says; null: nothing that can be believed
  };

  // Judges and parses once per record: the same bytes give the same object, and what a signature
  // costs is paid once for each revision that is used.
  Memo Believed(const std::string& account, const SharedBytes& held);
  std::optional<Memo> Remembered(const std::string& account, const SharedBytes& held);
  Memo Decide(const std::string& account, const SharedBytes& held);
  absl::StatusOr<Statement> Ask(const std::string& account, Deadline deadline);
  absl::StatusOr<SharedBytes> Fetch(const std::string& account, Deadline deadline);
  void Take(const std::string& account, const SharedBytes& told);  // from the feed
  void AskInBackground(const AccountId& account);
  void NoteLimit(const std::string& account, int max_devices);

  const Clock& clock_;
  Billing& billing_;
  const AccountNotes& notes_;
  WorkerPool& workers_;
  EntitlementRecords records_;
  const std::string older_file_;
  replica::StaleCache cache_;
  std::unique_ptr<Feed> feed_;

  // Held while a record of one of its accounts is judged, so that only one caller does it.
  static constexpr std::size_t kJudges = 64;
  std::array<absl::Mutex, kJudges> judging_;
  mutable absl::Mutex mutex_;
  StringMap<Memo> memos_ ABSL_GUARDED_BY(mutex_);
  StringMap<SteadyTime> asked_at_ ABSL_GUARDED_BY(mutex_);  // accounts that nothing is known of
  StringMap<int> shrunk_ ABSL_GUARDED_BY(mutex_);           // what they were told to have
};

}  // namespace holdfast::middleware
