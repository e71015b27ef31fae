// Which instance gets the next try.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "libs/base/random.h"
#include "libs/rpc/peer.h"

namespace holdfast::rpc {

// The index of the instance to call, or nothing when all have been `tried`. In this order:
//   1. usable ones of the own zone,  2. usable ones of other zones,
//   3. the others, UP before UNPROVEN before DOWN: a doubt about an instance is no reason to fail a
//      call that has nowhere else to go, so doubts about all of them change nothing.
// Within a group the better of two random ones (Peer::Load) is taken: always taking the best would
// send every caller to the same instance.
std::optional<std::size_t> PickInstance(std::span<Peer* const> peers,
                                        std::span<const std::size_t> tried,
                                        std::string_view own_zone, Random& random);

}  // namespace holdfast::rpc
