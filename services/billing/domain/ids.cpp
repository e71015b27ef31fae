#include "services/billing/domain/ids.h"

#include <algorithm>

#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

bool IsIdCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

}  // namespace

absl::Status CheckId(std::string_view what, std::string_view text) {
  if (text.empty() || text.size() > 64 || !std::all_of(text.begin(), text.end(), IsIdCharacter)) {
    return InvalidArgument("{} must be 1 to 64 letters, digits, '.', '_' or '-'", what);
  }
  return absl::OkStatus();
}

absl::Status CheckText(std::string_view what, std::string_view text, std::size_t longest) {
  if (text.size() > longest) return InvalidArgument("{} is longer than {} bytes", what, longest);
  if (std::any_of(text.begin(), text.end(), IsControl)) {
    return InvalidArgument("{} has control characters", what);
  }
  return absl::OkStatus();
}

}  // namespace holdfast::billing
