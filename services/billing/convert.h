// Wire types to domain and back: the only place that knows both. Parse functions answer
// INVALID_ARGUMENT and name the field.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "services/billing/command.h"
#include "services/billing/domain/entitlement.h"
#include "services/billing/paging.h"
#include "services/billing/store.h"

namespace holdfast::billing {

void SetTime(WallTime time, google::protobuf::Timestamp& out);
v1::Money ToProto(const Money& money);
v1::Account ToProto(const Account& account);
v1::Package ToProto(const Package& package);
v1::TariffPlan ToProto(const TariffPlan& plan);
v1::Subscription ToProto(const Subscription& subscription);
v1::Entitlement ToProto(const Entitlement& entitlement);

absl::StatusOr<Account> ParseAccount(const v1::CreateAccountRequest& request, WallTime now);
absl::StatusOr<AccountFilter> ParseFilter(const v1::ListAccountsRequest& request);
absl::StatusOr<Charging> ParseCharging(v1::Charging charging);
// An amount that may be anything but negative; `what` names it in the message.
absl::StatusOr<Money> ParseMoney(std::string_view what, const v1::Money& money);
absl::StatusOr<Package> ParsePackage(const v1::Package& package);
absl::StatusOr<TariffPlan> ParsePlan(const v1::TariffPlan& plan);
// The day it falls on; nothing if it is absent.
absl::StatusOr<std::optional<sys_days>> ParseValidUntil(
    const v1::StartSubscriptionRequest& request);
CancelWhen ParseWhen(v1::CancelSubscriptionRequest::When when);
absl::StatusOr<PlannedChange> ParseChange(const v1::ChangeSubscriptionRequest& request);

// The id that a request, or an answer, is about; empty: none.
std::string SubjectOf(const google::protobuf::Message& message);
// What the audit log keeps of a command.
void Describe(const google::protobuf::Message& request, Command& command);

// `request` must have an idempotency_key and an acting_person. Neither is part of what it asks for.
template <class Request>
absl::StatusOr<Command> ParseCommand(Request request, Secrecy secrecy, std::string caller = "") {
  Command command{
      .key = request.idempotency_key(), .secrecy = secrecy, .caller = std::move(caller)};
  absl::Status status = CheckKey(command.key);
  if (!status.ok()) return status;
  command.person = request.acting_person();
  status = CheckPerson(command.person);
  if (!status.ok()) return status;
  request.clear_idempotency_key();
  request.clear_acting_person();
  Describe(request, command);
  // Our requests have no maps, so equal ones have equal bytes.
  command.request = Request::descriptor()->full_name() + "\n" + request.SerializeAsString();
  return command;
}

}  // namespace holdfast::billing
