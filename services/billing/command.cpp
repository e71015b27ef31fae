#include "services/billing/command.h"

#include <algorithm>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/security/hmac.h"
#include "services/billing/domain/ids.h"
#include "services/billing/passwords.h"

namespace holdfast::billing {
namespace {

std::string QuickFingerprint(const Command& command) {
  const auto digest = security::HmacKey(command.key).Sign(command.request);
  return ToHex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

absl::Status CheckKey(const std::string& key) {
  const auto printable = [](char c) { return c > ' ' && c <= '~'; };
  if (key.empty() || key.size() > 200 || !std::all_of(key.begin(), key.end(), printable)) {
    return InvalidArgument("idempotency_key must be 1 to 200 printable characters");
  }
  return absl::OkStatus();
}

absl::Status CheckPerson(const std::string& person) {
  if (!person.empty() && (person.front() == ' ' || person.back() == ' ')) {
    return InvalidArgument("acting_person begins or ends with a space");
  }
  return CheckText("acting_person", person, 200);
}

std::string Fingerprint(const Command& command) {
  return command.secrecy == Secrecy::kNone ? QuickFingerprint(command)
                                           : HashSlowly(command.request);
}

// By the form of what is stored: a password hash begins with '$', so what an older release stored
// slowly without need is still known again.
bool Repeats(const Command& command, const std::string& fingerprint) {
  return fingerprint.starts_with('$') ? MatchesSlowly(command.request, fingerprint)
                                      : QuickFingerprint(command) == fingerprint;
}

}  // namespace holdfast::billing
