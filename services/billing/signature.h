// Signed messages over HTTP, both ways: what gateways tell us and what we tell others.
//
//   Holdfast-Signature: t=1767225600,v1=<hex of HMAC-SHA256(secret, "1767225600." body)>
//
// The time is signed with the body, so that what was overheard is worthless after `kReplayWindow`;
// within it the receiver's memory of event ids takes a message once. During a change of the secret
// a sender may give several v1.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "libs/base/clock.h"

namespace holdfast::billing {

inline constexpr std::string_view kSignatureHeader = "Holdfast-Signature";
inline constexpr std::chrono::minutes kReplayWindow{5};  // either way

std::string SignMessage(std::string_view secret, std::string_view body, WallTime now);

// UNAUTHENTICATED, with the reason: no signature, another secret or body, too old or too new.
absl::Status CheckSignature(std::string_view header, std::string_view secret, std::string_view body,
                            WallTime now);

}  // namespace holdfast::billing
