// The pages by which an operator sees and tunes the calls to neighbours, and makes faults.
#pragma once

#include <vector>

#include "libs/http/server.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/fault_plan.h"

namespace holdfast::app {

// Adds
//   GET  /debug/neighbours                    what this instance thinks of every peer and why
//   GET  /neighbours/{service}/knobs          the knobs in effect
//   POST /neighbours/{service}/knobs          name=value, one or more; 400 names a bad one, and
//   then
//                                             nothing is changed. Lost with the process.
//   GET  /faults                              the faults in effect
//   POST /faults                              begins one: see rpc::ParseFault
//   POST /faults/clear, /faults/{number}/remove
// What is handed in must outlive the server.
void AddNeighbourPages(http::Router& router, const std::vector<rpc::ChannelControl>& neighbours,
                       rpc::FaultPlan& faults);

}  // namespace holdfast::app
