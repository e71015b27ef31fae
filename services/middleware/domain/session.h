// Portal sessions: is the token that a box offers good for what it wants?
//
// Identity in this protocol is the MAC; the token says that this MAC has been through the start
// sequence. A box has one session: when it, or another with its MAC, loads its profile with a newer
// token, tokens that are a minute older are worthless (kSessionOverlapSeconds says why not all).
// Tokens of ours are self-contained. Some clients never adopt ours
// but make one up and log in with it: such a token is good once the device is bound to it, or as
// long as the device has never started with another one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "services/middleware/domain/device.h"
#include "services/middleware/domain/mac.h"

namespace holdfast::middleware {

// A newer session of a box ends its older ones, but not within this time: two instances that both
// start a session hear of each other's a moment later, and either of the two must then go on.
inline constexpr std::int64_t kSessionOverlapSeconds = 60;

inline bool EndedByNewer(std::int64_t issued_at, std::int64_t session_since) {
  return issued_at + kSessionOverlapSeconds < session_since;
}

struct OfferedToken {
  enum class Kind {
    kNone,
    kOurs,    // signature and expiry are good
    kBroken,  // has the form of ours but is forged, damaged, expired or made with an unknown key
    kChosen,  // made up by the client
  };
  Kind kind = Kind::kNone;
  std::string_view mac;          // kOurs: whom it was made for; owned by whoever examined it
  std::uint32_t generation = 0;  // kOurs
  std::int64_t issued_at = 0;    // kOurs: epoch seconds
  std::string hash;              // kChosen: see Device::chosen_token_hash
};

enum class SessionVerdict { kValid, kRefused };

// `device` is null when the MAC is unknown.
SessionVerdict CheckSession(const OfferedToken& token, const Mac& mac, const Device* device);

// Our tokens have two dots; nothing that clients make up has been seen with any.
bool HasFormOfOurToken(std::string_view token);

}  // namespace holdfast::middleware
