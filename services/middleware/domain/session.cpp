#include "services/middleware/domain/session.h"

#include <algorithm>

namespace holdfast::middleware {

SessionVerdict CheckSession(const OfferedToken& token, const Mac& mac, const Device* device) {
  const auto verdict = [](bool good) {
    return good ? SessionVerdict::kValid : SessionVerdict::kRefused;
  };
  switch (token.kind) {
    case OfferedToken::Kind::kOurs:
      return verdict(
          token.mac == mac.text() &&
          (device == nullptr || (token.generation >= device->generation &&
                                 !EndedByNewer(token.issued_at, device->session_since))));
    case OfferedToken::Kind::kBroken:
      return SessionVerdict::kRefused;
    case OfferedToken::Kind::kChosen:
      if (device == nullptr) return SessionVerdict::kRefused;
      if (device->chosen_token_hash.empty()) return verdict(!device->started);
      return verdict(device->chosen_token_hash == token.hash);
    case OfferedToken::Kind::kNone:
      return verdict(device != nullptr && !device->started && device->chosen_token_hash.empty());
  }
  return SessionVerdict::kRefused;
}

bool HasFormOfOurToken(std::string_view token) {
  return std::count(token.begin(), token.end(), '.') == 2;
}

}  // namespace holdfast::middleware
