// What is true in the database after the storm, against what the callers were told.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/deadline.h"
#include "libs/storage/pg_pool.h"
#include "tests/billing/random_commands.h"

namespace holdfast::test {

// Lets `days` days pass for one account: everything dated moves back by them, as the clock cannot
// be moved forward for real processes. What it may watch has changed by that, so it is told.
absl::Status Age(storage::PgPool& pool, const std::string& account, int days, Deadline deadline);

struct Findings {
  std::vector<std::string> wrong;  // the first few of each kind

  // Commands that were given up, by what became of them.
  int given_up_done = 0;
  int given_up_absent = 0;
  int kept = 0;  // commands in the database
  std::int64_t transfers = 0;
  std::int64_t invoices = 0;
  std::int64_t terms = 0;
  std::int64_t add_on_terms = 0;  // of them
  std::int64_t paid_by_resellers = 0;
  std::int64_t rentals = 0;
};

// Compares everything; nobody may write meanwhile.
//   - each acknowledged command is there, with the answer that was given; each refused one is not;
//     each other is whole or absent: its effect is there exactly when its key is
//   - the wallets hold what the commands that are there put in, less what invoices took
//   - one invoice per charged term, one term per charge, one renewal per command
//   - each rental was made by one command; the others that asked for the item were told of it
//   - an add-on stands on the base that its command named and ends with it
//   - a reseller that pays has what it was given, less what it gave; what it gave unasked paid one
//     bill each, of an account that it pays for
Findings Inspect(storage::PgPool& pool, const RandomCommands& commands, const World& world);

// Accounts whose entitlement, as `caller` gets it, is not what the tables say. Computed here by
// other means than billing's own.
std::vector<std::string> WrongEntitlements(storage::PgPool& pool, BillingCaller& caller);

// Events that a receiver should have been told of and was not, or was and should not: one for each
// change of a subscription, each invoice and each payment that there is; `taken` by id.
std::vector<std::string> WrongEvents(storage::PgPool& pool,
                                     const std::map<std::string, int>& taken);

// Subscriptions that are due and not charged although nothing is in their way.
std::vector<std::string> Uncharged(storage::PgPool& pool);

}  // namespace holdfast::test
