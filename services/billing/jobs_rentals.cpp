#include "services/billing/jobs_rentals.h"

#include <chrono>
#include <utility>

#include "libs/base/shared_bytes.h"
#include "libs/base/status.h"
#include "services/billing/convert.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;

constexpr auto kStepTimeout = 3s;  // of one question to the database
constexpr int kRentalsAtOnce = 200;

}  // namespace

absl::Status RentalExpiryJob::Run(Deadline deadline) {
  int ended = 0;
  do {
    HOLDFAST_RETURN_IF_ERROR(
        store_.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
          HOLDFAST_ASSIGN_OR_RETURN(ended, tx.EndRentals(clock_.Now(), kRentalsAtOnce));
          return absl::OkStatus();
        }));
  } while (ended == kRentalsAtOnce && !deadline.Passed());
  return absl::OkStatus();
}

absl::Status PackageFeed::Run(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const Store::PackageModel model,
                            store_.PackagesUnless(deadline.AtMost(kStepTimeout), known_));
  if (model.revision == known_) return absl::OkStatus();
  OrderedStringMap<SharedBytes> items;
  for (const Package& package : model.packages) {
    items[package.id.value()] = MakeShared(ToProto(package).SerializeAsString());
  }
  publication_.ReplaceAll(std::move(items), model.revision);
  known_ = model.revision;
  return absl::OkStatus();
}

}  // namespace holdfast::billing
