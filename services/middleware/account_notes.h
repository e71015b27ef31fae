// What an operator's own systems say about accounts and nothing here decides by: a comment, and the
// balance that is shown where an account is charged elsewhere.
//
// Stored in PostgreSQL, followed by every instance like the lineup, with a copy on disk: boxes are
// shown the balance from memory, in an outage too.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/replica/replica.h"
#include "services/middleware/domain/ids.h"
#include "services/middleware/snapshot.h"
#include "services/middleware/store.h"

namespace holdfast::middleware {

struct AccountNote {
  std::string comment;
  std::string balance;  // any text, as it is shown; empty: what billing's books say is shown
  bool adult_in_players = false;
};

inline constexpr std::string_view kAccountNoteTopic = "account_note";
inline constexpr std::size_t kLongestComment = 2000;
inline constexpr std::size_t kLongestBalance = 50;

// Thread-safe. Balance never blocks; Load and Save do.
class AccountNotes {
 public:
  AccountNotes(std::string file, Store& store, const Clock& clock, telemetry::Metrics& metrics);
  ~AccountNotes();

  // As this instance holds it, a second behind the database at most while that is there. Empty: no
  // other system told one.
  std::string Balance(const AccountId& account) const;
  // Likewise: players that cannot ask for a PIN are shown adult channels and films.
  bool AdultInPlayers(const AccountId& account) const;

  // As the database has it.
  absl::StatusOr<AccountNote> Load(const AccountId& account, Deadline deadline) const;

  // Of all accounts that have one, by their ids.
  absl::StatusOr<StringMap<AccountNote>> LoadAll(Deadline deadline) const;

  // What to write; what is absent stays as it is, an empty text removes.
  struct Change {
    std::optional<std::string> comment;
    std::optional<std::string> balance;
    std::optional<bool> adult_in_players;
  };
  // INVALID_ARGUMENT names a field that is too long or no text.
  static absl::Status Check(const Change& change);
  absl::Status Save(const AccountId& account, const Change& change, Deadline deadline);

  // Fed by the follower: replica items of kAccountNoteTopic.
  replica::ReplicaBase& replica();

 private:
  class Replica;
  struct Told {
    StringMap<std::string> balances;  // by account
    StringSet adult_in_players;       // accounts
  };

  Store& store_;
  Snapshot<Told> told_;
  std::unique_ptr<Replica> replica_;
};

}  // namespace holdfast::middleware
