// A step of a job that goes through many accounts.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// How far a job came before its time was over.
enum class Progress { kDone, kMoreToDo };

// What a step does. Its functions are called inside transactions, which may be rolled back and
// tried again.
struct AccountStep {
  // The next accounts, locked; none: the step is done.
  std::function<absl::StatusOr<std::vector<Account>>(Transaction&)> find;
  // What is done with one of them; how much of it was changed.
  std::function<absl::StatusOr<int>(Transaction&, const Account&)> work;
  // A transaction begins; one was committed.
  std::function<void()> begun = [] {};
  std::function<void()> committed = [] {};
};

// Many accounts in one transaction, and, when one of them cannot be worked on, each in its own: who
// fails alone is parked, with the reason, and all others go on. So is an account that comes up
// again although nothing of it is changed. An error: the database or another neighbour is at fault,
// and the step can be tried again later. Leaves off a little before the deadline.
absl::StatusOr<Progress> ForAccounts(Store& store, Deadline deadline, const AccountStep& step);

}  // namespace holdfast::billing
