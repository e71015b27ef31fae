#include "services/middleware/peers.h"

#include <algorithm>
#include <chrono>

#include "holdfast/analytics/v1/analytics.pb.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kEntitlementTimeout = 300ms;
constexpr auto kAuthenticateTimeout = 2s;
constexpr auto kIngestTimeout = 1s;

rpc::Call CallUntil(const CallContext& context, Deadline deadline, rpc::Criticality criticality) {
  return rpc::Call(deadline, telemetry::TraceContext::Start(context.random), criticality);
}

}  // namespace

absl::StatusOr<SharedBytes> Billing::GetEntitlement(const AccountId& account, Deadline deadline) {
  billing::v1::GetEntitlementRequest request;
  request.set_account_id(account.value());
  HOLDFAST_ASSIGN_OR_RETURN(
      const billing::v1::Entitlement entitlement,
      channel_.Invoke<billing::v1::Entitlement>(
          CallUntil(context_, deadline, rpc::Criticality::kBackground),
          "holdfast.billing.v1.Billing/GetEntitlement", request, {.timeout = kEntitlementTimeout}));
  return MakeShared(entitlement.SerializeAsString());
}

absl::StatusOr<AccountId> Billing::Authenticate(const std::string& login,
                                                const std::string& password, Deadline deadline) {
  billing::v1::AuthenticateRequest request;
  request.set_login(login);
  request.set_password(password);
  HOLDFAST_ASSIGN_OR_RETURN(
      const billing::v1::AuthenticateResponse response,
      channel_.Invoke<billing::v1::AuthenticateResponse>(
          CallUntil(context_, deadline, rpc::Criticality::kInteractive),
          "holdfast.billing.v1.Billing/Authenticate", request, {.timeout = kAuthenticateTimeout}));
  if (response.account_id().empty()) return Internal("billing named no account for a good login");
  return AccountId(response.account_id());
}

absl::Status Analytics::Ingest(const std::string& batch, Deadline deadline) {
  analytics::v1::IngestRequest request;
  if (!request.ParseFromString(batch)) return DataLoss("a spooled report cannot be parsed");
  return channel_
      .Invoke<analytics::v1::IngestResponse>(
          CallUntil(context_, deadline, rpc::Criticality::kBackground),
          "holdfast.analytics.v1.Analytics/Ingest", request, {.timeout = kIngestTimeout})
      .status();
}

}  // namespace holdfast::middleware
