// Content keys are derived, so every instance that holds the epochs gives the same answer without
// asking anyone, and none can be lost.
#pragma once

#include <cstdint>
#include <string>

#include "services/drm/domain/epoch.h"

namespace holdfast::drm {

// 16 bytes. `epoch` is the one at the start of the period. Thread-safe; some microseconds.
std::string ContentKey(const Epoch& epoch, const ChannelId& channel, std::int64_t period);

// The key id by which CENC players ask (16 bytes). Tells nothing about the key.
std::string ContentKeyId(const Epoch& epoch, const ChannelId& channel, std::int64_t period);

// The initialisation vector of AES-128 segments of that period, in hex: the period's number.
std::string IvHex(std::int64_t period);

}  // namespace holdfast::drm
