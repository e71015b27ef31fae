#include "services/billing/domain/sales.h"

#include <cctype>

#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";  // Crockford's
constexpr std::size_t kCodeLength = 16;
constexpr int kMostVouchers = 10'000;
constexpr int kMostAccounts = 100'000'000;

}  // namespace

absl::Status CheckVoucherBatch(const VoucherBatch& batch, int count, sys_days today) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("batch id", batch.id.value()));
  if (batch.value.minor_units() <= 0) return InvalidArgument("value is nothing");
  if (!batch.plan.value().empty()) {
    HOLDFAST_RETURN_IF_ERROR(CheckId("tariff plan id", batch.plan.value()));
  }
  if (batch.expires_on <= today) return InvalidArgument("the batch is expired already");
  if (count < 1 || count > kMostVouchers) {
    return InvalidArgument("count must be 1 to {}", kMostVouchers);
  }
  return absl::OkStatus();
}

std::string VoucherCode(const std::array<std::uint8_t, 10>& random) {
  std::string code;
  unsigned bits = 0;
  int have = 0;
  for (const std::uint8_t byte : random) {
    bits = (bits << 8) | byte;
    for (have += 8; have >= 5; have -= 5) {
      if (code.size() % 5 == 4) code += '-';
      code += kAlphabet[(bits >> (have - 5)) & 31];
    }
    bits &= 0xFF;
  }
  return code;
}

absl::StatusOr<std::string> NormalizeVoucherCode(std::string_view typed) {
  std::string code;
  for (const char c : typed) {
    if (c == '-' || c == ' ') continue;
    char upper = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (upper == 'O') upper = '0';
    if (upper == 'I' || upper == 'L') upper = '1';
    if (kAlphabet.find(upper) == kAlphabet.npos || code.size() == kCodeLength) {
      return InvalidArgument("this is not a voucher code");
    }
    code += upper;
  }
  if (code.size() != kCodeLength) return InvalidArgument("a voucher code has 16 characters");
  return code;
}

absl::StatusOr<Entry> RedeemVoucher(const Voucher& voucher, const AccountId& account,
                                    sys_days today) {
  const VoucherBatch& batch = voucher.batch;
  if (voucher.redeemed_by) return FailedPrecondition("voucher_used: it was redeemed before");
  if (batch.cancelled) return FailedPrecondition("voucher_cancelled: its batch was cancelled");
  if (today >= batch.expires_on) {
    return FailedPrecondition("voucher_expired: it was good until {}", ShowDay(batch.expires_on));
  }
  const std::string& currency = batch.value.currency();
  Entry entry{EntryId("voucher-" + voucher.code_hash), "voucher of " + batch.id.value(), {}};
  entry.Move({LedgerKind::kVoucher, batch.id.value(), currency}, WalletOf(account, currency),
             batch.value.minor_units());
  return entry;
}

absl::Status CheckReseller(const Reseller& reseller) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("reseller id", reseller.id.value()));
  if (reseller.name.empty()) return InvalidArgument("name is empty");
  HOLDFAST_RETURN_IF_ERROR(CheckText("name", reseller.name, 200));
  HOLDFAST_RETURN_IF_ERROR(Money::Make(0, reseller.currency).status());
  if (reseller.credit < 0) return InvalidArgument("credit is negative");
  if (reseller.max_accounts < 0 || reseller.max_accounts > kMostAccounts) {
    return InvalidArgument("max_accounts must be 0 (unlimited) to {}", kMostAccounts);
  }
  if (reseller.parent == reseller.id) return InvalidArgument("a reseller is its own parent");
  return absl::OkStatus();
}

LedgerAccountId WalletOf(const Reseller& reseller) {
  return {LedgerKind::kReseller, reseller.id.value(), reseller.currency};
}

}  // namespace holdfast::billing
