// Passwords, argon2id by libsodium. Slow on purpose (tens of ms): worker threads only.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::security {

std::string HashPassword(std::string_view password);  // a self-describing string
bool PasswordMatches(std::string_view password, std::string_view hash);

}  // namespace holdfast::security
