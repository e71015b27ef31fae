// A stream of responses from one instance of a neighbour. For channel.cpp.
#pragma once

#include <memory>
#include <string_view>

#include "libs/rpc/neighbour.h"

namespace holdfast::rpc {

// See Channel::OpenStream. Streams do not ask the breaker of the neighbour: there are few, each is
// opened again by somebody who waits between two attempts, and they notice recovery for the rest.
std::unique_ptr<StreamReader> OpenNeighbourStream(const std::shared_ptr<Neighbour>& neighbour,
                                                  const Call& call, std::string_view method,
                                                  const google::protobuf::Message& request);

}  // namespace holdfast::rpc
