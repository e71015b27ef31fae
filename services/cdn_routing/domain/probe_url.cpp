#include "services/cdn_routing/domain/probe_url.h"

#include <algorithm>
#include <charconv>

#include "libs/base/status.h"

namespace holdfast::cdn_routing {
namespace {

// What may stand in a URL without being escaped; no quote, backslash, space or control character.
bool IsUrlCharacter(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("-._~:/?#[]@!$&()*+,;=%").find(c) != std::string_view::npos;
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool IsAddressCharacter(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' ||
         c == '.';
}

absl::StatusOr<std::uint16_t> ParsePort(std::string_view text) {
  int port = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || parsed != end || port < 1 || port > 65535) {
    return InvalidArgument("the port must be 1 to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace

absl::StatusOr<ProbeUrl> ParseProbeUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return InvalidArgument("must begin with http://");
  if (!std::all_of(url.begin(), url.end(), IsUrlCharacter)) {
    return InvalidArgument("has a character that must not stand in a URL");
  }
  url.remove_prefix(kScheme.size());
  const std::size_t slash = url.find('/');
  const std::string_view authority = url.substr(0, slash);
  ProbeUrl target;
  target.host_header = std::string(authority);
  target.path = slash == std::string_view::npos ? "/" : std::string(url.substr(slash));

  const bool bracketed = authority.starts_with('[');
  const std::size_t host_end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && host_end == std::string_view::npos) return InvalidArgument("'[' without ']'");
  const std::string_view host =
      bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
  const auto fits = bracketed ? IsAddressCharacter : IsHostCharacter;
  if (host.empty() || !std::all_of(host.begin(), host.end(), fits)) {
    return InvalidArgument("has no usable host");
  }
  target.host = std::string(host);

  std::string_view rest;
  if (host_end != std::string_view::npos) rest = authority.substr(host_end + (bracketed ? 1 : 0));
  if (rest.empty()) return target;
  if (rest.front() != ':') return InvalidArgument("has something behind the host");
  HOLDFAST_ASSIGN_OR_RETURN(target.port, ParsePort(rest.substr(1)));
  return target;
}

}  // namespace holdfast::cdn_routing
