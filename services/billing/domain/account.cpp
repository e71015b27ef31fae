#include "services/billing/domain/account.h"

#include <utility>

#include "libs/base/money.h"
#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

constexpr std::size_t kLongestText = 200;
constexpr std::chrono::days kLongestPayment{365};
constexpr std::size_t kLongestPassword = 200;  // more only makes hashing slower

}  // namespace

absl::Status CheckLogin(std::string_view login) {
  HOLDFAST_RETURN_IF_ERROR(CheckText("login", login, kLongestText));
  if (login.empty() || login.front() == ' ' || login.back() == ' ') {
    return InvalidArgument("login is empty or has a space at an end");
  }
  return absl::OkStatus();
}

absl::Status CheckNewPassword(std::string_view password) {
  if (password.empty() || password.size() > kLongestPassword) {
    return InvalidArgument("password must be 1 to {} bytes", kLongestPassword);
  }
  return absl::OkStatus();
}

absl::Status CheckDescription(const Account& account) {
  if (account.number.empty()) return InvalidArgument("account number is empty");
  HOLDFAST_RETURN_IF_ERROR(CheckText("account number", account.number, kLongestText));
  HOLDFAST_RETURN_IF_ERROR(CheckText("full name", account.full_name, kLongestText));
  return CheckText("phone", account.phone, kLongestText);
}

absl::Status CheckWhoPays(const Account& account) {
  if (!account.reseller_pays) return absl::OkStatus();
  if (account.reseller.value().empty()) {
    return InvalidArgument("reseller_pays of an account without reseller_id");
  }
  if (account.charging != Charging::kPrepaid) {
    return InvalidArgument("reseller_pays of an account whose charging is not CHARGING_PREPAID");
  }
  return absl::OkStatus();
}

absl::Status CheckAccount(const Account& account) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("account id", account.id.value()));
  if (!account.login.empty()) HOLDFAST_RETURN_IF_ERROR(CheckLogin(account.login));
  HOLDFAST_RETURN_IF_ERROR(CheckDescription(account));
  if (account.charging != Charging::kElsewhere) {
    HOLDFAST_RETURN_IF_ERROR(Money::Make(0, account.currency).status());
  } else if (!account.currency.empty()) {
    return InvalidArgument("currency of an account that is charged elsewhere");
  }
  if (!account.region.empty()) HOLDFAST_RETURN_IF_ERROR(CheckId("region", account.region));
  if (account.payment_days < std::chrono::days(0) || account.payment_days > kLongestPayment) {
    return InvalidArgument("payment_days must be 0 to {}", kLongestPayment.count());
  }
  if (!account.reseller.value().empty()) {
    HOLDFAST_RETURN_IF_ERROR(CheckId("reseller id", account.reseller.value()));
  }
  return CheckWhoPays(account);
}

absl::StatusOr<Account> OpenAccount(Account wanted, WallTime now) {
  if (wanted.number.empty()) wanted.number = wanted.id.value();
  HOLDFAST_RETURN_IF_ERROR(CheckAccount(wanted));
  wanted.state = Account::State::kOpen;
  wanted.created_at = now;
  return wanted;
}

absl::StatusOr<Account> CloseAccount(Account account) {
  if (account.state == Account::State::kClosed) {
    return FailedPrecondition("account_closed: account {} is closed already", account.id.value());
  }
  account.state = Account::State::kClosed;
  return account;
}

}  // namespace holdfast::billing
