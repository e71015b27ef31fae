// Who pays.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/billing/domain/ids.h"

namespace holdfast::billing {

struct Account {
  enum class State { kOpen, kClosed };
  AccountId id;
  std::string login;  // empty: nobody can log in
  std::string number;
  std::string full_name;
  std::string phone;
  State state = State::kOpen;
  WallTime created_at;
};

// An account as its operator asks for it. INVALID_ARGUMENT names the field at fault. An empty
// account number becomes the id.
absl::StatusOr<Account> OpenAccount(Account wanted, WallTime now);

// For good. FAILED_PRECONDITION if it is closed already.
absl::StatusOr<Account> CloseAccount(Account account);

absl::Status CheckLogin(std::string_view login);
absl::Status CheckNewPassword(std::string_view password);

}  // namespace holdfast::billing
