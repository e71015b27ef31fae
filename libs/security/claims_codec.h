// The payload of tokens: a kind-and-version byte, then fields. Numbers are LEB128, texts and lists
// carry their length in front. Reading is strict: bounds on every length, shortest form of each
// number, no bytes left over. One claim therefore has exactly one encoding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libs/security/token.h"

namespace holdfast::security {

inline constexpr std::size_t kMaxClaimText = 128;
inline constexpr std::size_t kMaxPackages = 256;

// Nothing if a field exceeds its bound.
std::optional<std::string> Encode(const PortalClaims& claims);
std::optional<std::string> Encode(const PlayClaims& claims);

// Nothing if the bytes are not exactly such a record.
std::optional<PortalClaims> DecodePortalClaims(std::string_view bytes);
std::optional<PlayClaims> DecodePlayClaims(std::string_view bytes);

}  // namespace holdfast::security
