#include "services/billing/jobs_books.h"

#include "libs/base/status.h"
#include "libs/telemetry/log.h"

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

absl::Status HoldExpiryJob::Run(Deadline deadline) {
  const WallTime now = clock_.Now();
  std::size_t found = 0;
  do {
    HOLDFAST_RETURN_IF_ERROR(
        store_.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
          HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Transfer> expired,
                                    tx.ExpiredTransfers(now, kHoldsAtOnce));
          found = expired.size();
          for (const Transfer& held : expired) {
            const TransferId id("expiry-" + held.id.value());
            HOLDFAST_ASSIGN_OR_RETURN(const Transfer given_back, DecideExpiry(held, id, now));
            HOLDFAST_RETURN_IF_ERROR(
                tx.Post({EntryId(id.value()), "expired " + held.id.value(), {given_back}}));
          }
          return absl::OkStatus();
        }));
  } while (found == kHoldsAtOnce && !deadline.Passed());
  return absl::OkStatus();
}

}  // namespace holdfast::billing
