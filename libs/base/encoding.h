// Hex, base64url and percent-encoding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

std::string ToHex(std::string_view bytes);                         // lower case
std::optional<std::string> FromHex(std::string_view hex);          // either case
std::string ToBase64Url(std::string_view bytes);                   // RFC 4648 section 5, no padding
std::optional<std::string> FromBase64Url(std::string_view text);   // strict: no padding, no spaces

// One form-decode (RFC 1866): %xx and '+' for a space. A broken %-sequence stays as it is: boxes
// send such things and mean the bytes they sent.
std::string PercentDecode(std::string_view text);
void AppendPercentDecoded(std::string_view text, std::string& out);
std::string PercentEncode(std::string_view text);  // all but RFC 3986 unreserved

}  // namespace holdfast
