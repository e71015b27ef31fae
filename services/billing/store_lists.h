// What lists are asked for: filters, and where a page begins. An empty filter lets everything
// through. `limit` 0: no end.
#pragma once

#include <optional>
#include <string>

#include "services/billing/domain/attempt.h"
#include "services/billing/domain/invoice.h"
#include "services/billing/domain/refund.h"
#include "services/billing/domain/sales.h"
#include "services/billing/domain/subscription.h"

namespace holdfast::billing {

// Behind which row a page begins, in a list of the newest first.
struct TimeCursor {
  std::optional<WallTime> at;  // nothing: the first page
  std::string id;              // among those of the same moment
};

// Lists in the order of ids.
struct CatalogueFilter {
  std::string after{};  // id of the last one seen
  int limit = 0;
};

struct PlanFilter {
  std::optional<bool> add_on{};
  std::string package{};  // that they hold
  std::string after{};
  int limit = 0;
};

struct PlanVersionFilter {
  TariffPlanId plan;
  int before = 0;  // version of the last one seen
  int limit = 0;
};

struct TaxRateFilter {
  std::string region{};
  std::string after{};  // "region/2026-01-01" of the last one seen
  int limit = 0;
};

struct ResellerFilter {
  std::string parent{};
  std::string after{};
  int limit = 0;
};

struct SubscriptionFilter {
  std::string account{};
  std::optional<Subscription::State> state{};
  std::string plan{};
  TimeCursor before{};  // started_at
  int limit = 0;
};

struct PaymentFilter {
  std::string account{};
  std::string method{};
  std::optional<WallTime> from{};
  std::optional<WallTime> until{};
  TimeCursor before{};
  int limit = 0;
};

struct AttemptFilter {
  std::string account{};
  std::optional<PaymentAttempt::State> state{};
  TimeCursor before{};
  int limit = 0;
};

struct RefundFilter {
  std::string account{};
  std::string payment{};
  std::optional<GatewayRefund::State> state{};
  TimeCursor before{};
  int limit = 0;
};

struct CreditNoteFilter {
  std::string account{};
  std::string invoice{};
  std::optional<sys_days> from{};
  std::optional<sys_days> until{};
  TimeCursor before{};  // the day that it was issued on
  int limit = 0;
};

struct ListedCreditNote {
  CreditNote note;
  std::string currency;  // of its invoice
};

struct VoucherBatchFilter {
  std::optional<sys_days> redeemable_on{};
  std::string after{};
  int limit = 0;
};

struct ListedVoucherBatch {
  VoucherBatch batch;
  int vouchers = 0;
  int redeemed = 0;
};

struct VoucherFilter {
  std::string batch{};
  std::string redeemed_by{};
  std::string after{};  // hash of the code of the last one seen
  int limit = 0;
};

struct ListedVoucher {
  std::string code_hash;
  VoucherBatchId batch;
  std::optional<AccountId> redeemed_by;
  std::optional<WallTime> redeemed_at;
};

struct RentalFilter {
  std::string account{};
  std::string item{};
  std::string package{};
  bool only_running = false;
  TimeCursor before{};  // when it began
  int limit = 0;
};

struct EventFilter {
  enum class State { kWaiting, kDelivered, kGivenUp };
  std::string account{};
  std::string kind{};
  std::optional<State> state{};
  TimeCursor before{};
  int limit = 0;
};

}  // namespace holdfast::billing
