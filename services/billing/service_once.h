// Commands that are carried out once, for the service_*.cpp files.
#pragma once

#include <string>

#include "libs/base/status.h"
#include "libs/rpc/call.h"
#include "services/billing/convert.h"
#include "services/billing/refusal.h"
#include "services/billing/service.h"

namespace holdfast::billing {

// What `effect` answers is kept in its transaction and given again when the command is repeated.
// See convert.h for what makes two commands the same.
template <class Request, class Effect>
auto CarryOutOnce(Store& store, const rpc::Call& call, const Request& request, Secrecy secrecy,
                  const Effect& effect) {
  using Answer = decltype(effect(std::declval<Transaction&>()));  // StatusOr<some message>
  const auto carry_out = [&]() -> Answer {
    HOLDFAST_ASSIGN_OR_RETURN(Command command, ParseCommand(request, secrecy, call.caller()));
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::string bytes,
        store.Once(call.deadline(), command, [&](Transaction& tx) -> absl::StatusOr<std::string> {
          HOLDFAST_ASSIGN_OR_RETURN(const auto message, effect(tx));
          // What it made says what it was about where the request does not: read with the commit.
          if (command.subject.empty()) command.subject = SubjectOf(message);
          return message.SerializeAsString();
        }));
    typename Answer::value_type answer;
    if (!answer.ParseFromString(bytes))
      return Internal("kept answer of {} is damaged", command.key);
    return answer;
  };
  Answer answer = carry_out();
  if (!answer.ok()) return Answer(Explained(answer.status()));
  return answer;
}

template <class Request, class Effect>
auto Service::Once(const rpc::Call& call, const Request& request, Secrecy secrecy,
                   const Effect& effect) {
  return CarryOutOnce(store_, call, request, secrecy, effect);
}

}  // namespace holdfast::billing
