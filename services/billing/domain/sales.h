// Money that others sell for us: vouchers, and resellers with wallets of their own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/billing/domain/ledger.h"
#include "services/billing/domain/period.h"

namespace holdfast::billing {

using VoucherBatchId = StrongId<struct VoucherBatchIdTag>;

// Vouchers that were made together: each puts `value` into a wallet, once, and then buys the plan
// if one is named.
struct VoucherBatch {
  VoucherBatchId id;
  Money value;
  TariffPlanId plan;    // empty: none
  sys_days expires_on;  // first day on which they are worth nothing
  bool cancelled = false;
};

struct Voucher {
  std::string code_hash;  // what is stored of the code
  VoucherBatch batch;
  std::optional<AccountId> redeemed_by;
};

absl::Status CheckVoucherBatch(const VoucherBatch& batch, int count, sys_days today);

// "ABCD-EFGH-JKMN-PQRS": 80 random bits in letters and digits that cannot be mistaken.
std::string VoucherCode(const std::array<std::uint8_t, 10>& random);
// As people type it: spaces, dashes and case do not matter, O is 0, I and L are 1.
// INVALID_ARGUMENT if it cannot be a code.
absl::StatusOr<std::string> NormalizeVoucherCode(std::string_view typed);

// voucher <- wallet. FAILED_PRECONDITION: voucher_used, voucher_expired, voucher_cancelled.
absl::StatusOr<Entry> RedeemVoucher(const Voucher& voucher, const AccountId& account,
                                    sys_days today);

struct Reseller {
  ResellerId id;
  std::string name;
  ResellerId parent;  // empty: the operator
  std::string currency;
  std::int64_t credit = 0;  // how far its wallet may fall below nothing
  int max_accounts = 0;     // 0: unlimited
};

absl::Status CheckReseller(const Reseller& reseller);

// The way of paying that funds resellers: no payment of an account's is of it.
inline constexpr std::string_view kResellersMethod = "resellers";

LedgerAccountId WalletOf(const Reseller& reseller);

}  // namespace holdfast::billing
