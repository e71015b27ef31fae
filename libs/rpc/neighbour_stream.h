// A stream of responses from one instance of a neighbour. For channel.cpp.
#pragma once

#include <memory>
#include <string_view>

#include "libs/rpc/neighbour.h"

namespace holdfast::rpc {

// See Channel::OpenStream. A stream takes a place among max_in_flight for as long as it is open;
// its first message, or its failure before that, is what the breakers learn from it.
std::unique_ptr<StreamReader> OpenNeighbourStream(const std::shared_ptr<Neighbour>& neighbour,
                                                  const Call& call, std::string_view method,
                                                  const google::protobuf::Message& request);

}  // namespace holdfast::rpc
