#include "services/billing/jobs_books.h"

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/billing/biller.h"

namespace holdfast::billing {
namespace {

constexpr auto kStepTimeout = std::chrono::seconds(3);
constexpr int kHoldsAtOnce = 100;

}  // namespace

absl::StatusOr<BooksReport> Verify(Store& store, Metrics& metrics, const Clock& clock,
                                   Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(BooksReport report, store.VerifyBooks(deadline));
  for (const BooksReport::Problem& problem : report.problems) {
    telemetry::Log(telemetry::Error, "books are wrong",
                   {{"check", problem.check}, {"what", problem.what}});
  }
  metrics.books_unbalanced.Set(static_cast<double>(report.problems.size()));
  metrics.books_verified.Set(static_cast<double>(EpochSeconds(clock.Now())));
  return report;
}

absl::Status HoldExpiryJob::GiveBack(const Transfer& held, Deadline deadline) {
  const TransferId id("expiry-" + held.id.value());
  const WallTime now = clock_.Now();
  return store_.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const Transfer given_back, DecideExpiry(held, id, now));
    const Entry entry{EntryId(id.value()), "expired " + held.id.value(), {given_back}};
    if (held.debit.kind != LedgerKind::kWallet) return tx.Post(entry);
    HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(AccountId(held.debit.owner)));
    return Biller(tx, account, DayOf(now, zone_)).TakeIn(entry);
  });
}

absl::Status HoldExpiryJob::Run(Deadline deadline) {
  std::size_t given_back = 0;
  absl::Status first_error;
  do {
    given_back = 0;
    std::vector<Transfer> expired;
    HOLDFAST_RETURN_IF_ERROR(
        store_.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
          HOLDFAST_ASSIGN_OR_RETURN(expired, tx.ExpiredTransfers(clock_.Now(), kHoldsAtOnce));
          return absl::OkStatus();
        }));
    for (const Transfer& held : expired) {
      const absl::Status status = GiveBack(held, deadline);
      // Somebody took it, or gave it back, meanwhile.
      if (absl::IsFailedPrecondition(status)) continue;
      if (status.ok()) ++given_back;
      if (!status.ok() && first_error.ok()) first_error = status;
    }
    // One that fails must not keep us here.
  } while (given_back > 0 && !deadline.Passed());
  return first_error;
}

}  // namespace holdfast::billing
