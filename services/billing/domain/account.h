// Who pays.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/billing/domain/ids.h"

namespace holdfast::billing {

// Who takes the money for what an account buys.
enum class Charging {
  kElsewhere,  // somebody else: RenewSubscription tells us that a period is paid
  kPrepaid,    // we, from the wallet; without money there is no next period
  kPostpaid,   // we, by invoice: service goes on until the dunning ends it
};

struct Account {
  enum class State { kOpen, kClosed };
  AccountId id;
  std::string login;  // empty: nobody can log in
  std::string number;
  std::string full_name;
  std::string phone;
  State state = State::kOpen;
  WallTime created_at;
  Charging charging = Charging::kElsewhere;
  std::string currency;                // that it is charged in; empty with kElsewhere
  std::string region;                  // whose taxes it pays; empty: none
  std::chrono::days payment_days{14};  // from an invoice to its due day
  ResellerId reseller;                 // who brought it; empty: nobody
  bool reseller_pays = false;          // what its own wallet does not hold
  // Since when, and why, the jobs leave it alone: something is wrong with it that a person must
  // see.
  std::optional<WallTime> parked_since{};
  std::string parked_why{};
};

// An account as its operator asks for it. INVALID_ARGUMENT names the field at fault. An empty
// account number becomes the id.
absl::StatusOr<Account> OpenAccount(Account wanted, WallTime now);

// For good. FAILED_PRECONDITION if it is closed already.
absl::StatusOr<Account> CloseAccount(Account account);

// All that holds of an open account, however it came about. INVALID_ARGUMENT names the field.
absl::Status CheckAccount(const Account& account);

// That its reseller may pay for it, if it is to. INVALID_ARGUMENT names the field at fault.
absl::Status CheckWhoPays(const Account& account);

// Number, name and phone. INVALID_ARGUMENT names the field at fault.
absl::Status CheckDescription(const Account& account);
absl::Status CheckLogin(std::string_view login);
absl::Status CheckNewPassword(std::string_view password);

}  // namespace holdfast::billing
