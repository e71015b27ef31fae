// A command that may arrive twice: the caller's key, and what the command asked for, so that the
// same key with another request can be told from a repetition.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace holdfast::billing {

// Whether the request holds a password. Its fingerprint is then as slow to guess as the password.
enum class Secrecy { kNone, kHoldsPassword };

struct Command {
  std::string key;      // the caller's idempotency key
  std::string request;  // everything asked for, but the key
  Secrecy secrecy = Secrecy::kNone;

  // For the audit log.
  std::string caller;
  std::string person;   // for whom the caller acts, as it says; empty: by itself
  std::string method;   // "SetPassword"
  std::string subject;  // the id that it is about
  std::string shown;    // the request as JSON, without passwords and codes
};

// INVALID_ARGUMENT unless the key is 1 to 200 printable ASCII characters.
absl::Status CheckKey(const std::string& key);
// INVALID_ARGUMENT unless it is empty or a name: up to 200 bytes, no control characters, no spaces
// around it.
absl::Status CheckPerson(const std::string& person);

// What is stored of the request. Takes tens of ms for one that holds a password.
std::string Fingerprint(const Command& command);
bool Repeats(const Command& command, const std::string& fingerprint);

}  // namespace holdfast::billing
