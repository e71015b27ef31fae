#include "services/billing/signature.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/security/hmac.h"

namespace holdfast::billing {
namespace {

constexpr std::size_t kLongestHeader = 1024;

std::string Mac(std::string_view secret, std::string_view time, std::string_view body) {
  std::string message(time);
  message += '.';
  message += body;
  const auto digest = security::HmacKey(secret).Sign(message);
  return ToHex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::optional<std::int64_t> Seconds(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::string SignMessage(std::string_view secret, std::string_view body, WallTime now) {
  const std::string time = std::to_string(EpochSeconds(now));
  return "t=" + time + ",v1=" + Mac(secret, time, body);
}

absl::Status CheckSignature(std::string_view header, std::string_view secret, std::string_view body,
                            WallTime now) {
  if (secret.empty()) return Unauthenticated("no secret is set: nothing can be checked");
  if (header.empty()) return Unauthenticated("header {} is missing", kSignatureHeader);
  if (header.size() > kLongestHeader) return Unauthenticated("the signature is too long");
  std::string_view time;
  bool matches = false;
  // The time stands first: what follows is checked with it.
  while (!header.empty()) {
    const std::string_view part = header.substr(0, header.find(','));
    header.remove_prefix(std::min(part.size() + 1, header.size()));
    if (part.starts_with("t=") && time.empty()) time = part.substr(2);
    if (part.starts_with("v1=") && !time.empty()) {
      matches |= security::ConstantTimeEqual(part.substr(3), Mac(secret, time, body));
    }
  }
  const std::optional<std::int64_t> at = Seconds(time);
  if (!at) return Unauthenticated("the signature has no time");
  if (!matches) return Unauthenticated("the signature is not by our secret over this body");
  const std::int64_t age = EpochSeconds(now) - *at;
  const std::int64_t window = std::chrono::seconds(kReplayWindow).count();
  if (age > window || age < -window) {
    return Unauthenticated("the signature is {} s old: at most {} are taken", age, window);
  }
  return absl::OkStatus();
}

}  // namespace holdfast::billing
