// What middleware asks billing to do for an account: on behalf of an operator's script, or of the
// viewer who adds a package on the box. Never on the way of a zap, a list or a heartbeat.
//
// Billing's own messages are used as they come: this class adds nothing but deadlines and keys.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/string_map.h"
#include "libs/rpc/channel.h"
#include "services/middleware/peers.h"

namespace holdfast::middleware {

// Thread-safe; blocks: worker threads and jobs only. `channel` must outlive it. A command's `key`
// makes it happen once, however often it is asked.
class BillingOffice {
 public:
  BillingOffice(rpc::Channel& channel, const CallContext& context)
      : channel_(channel), context_(context) {}

  // -- Accounts. Closed ones count as not there: NOT_FOUND.
  absl::StatusOr<billing::v1::Account> Find(const AccountId& id, Deadline deadline);
  absl::StatusOr<billing::v1::Account> FindByNumber(const std::string& number, Deadline deadline);
  absl::StatusOr<billing::v1::Account> FindByLogin(const std::string& login, Deadline deadline);
  absl::StatusOr<std::vector<billing::v1::Account>> All(Deadline deadline);
  absl::StatusOr<billing::v1::Account> Create(const billing::v1::CreateAccountRequest& request,
                                              Deadline deadline);
  absl::Status Update(const billing::v1::UpdateAccountRequest& request, Deadline deadline);
  absl::Status SetPassword(const billing::v1::SetPasswordRequest& request, Deadline deadline);
  absl::Status Close(const AccountId& id, const std::string& key, Deadline deadline);

  // -- What is sold.
  absl::StatusOr<std::vector<billing::v1::TariffPlan>> Plans(Deadline deadline);
  absl::StatusOr<std::vector<billing::v1::Package>> Packages(Deadline deadline);

  // -- Subscriptions. Those that are over for good are left out.
  absl::StatusOr<std::vector<billing::v1::Subscription>> Held(const AccountId& account,
                                                              Deadline deadline);
  // Of all accounts, by their ids: some pages instead of a call for each.
  absl::StatusOr<StringMap<std::vector<billing::v1::Subscription>>> AllHeld(Deadline deadline);
  absl::StatusOr<billing::v1::Subscription> Start(
      const billing::v1::StartSubscriptionRequest& request, Deadline deadline);
  absl::StatusOr<billing::v1::RentFilmResponse> Rent(const billing::v1::RentFilmRequest& request,
                                                     Deadline deadline);
  absl::Status Change(const std::string& subscription, const std::string& plan,
                      const std::string& key, Deadline deadline);
  absl::Status Suspend(const std::string& subscription, const std::string& key, Deadline deadline);
  absl::Status Resume(const std::string& subscription, const std::string& key, Deadline deadline);
  absl::Status Cancel(const std::string& subscription, const std::string& key, Deadline deadline);

 private:
  template <class Response, class Request>
  absl::StatusOr<Response> Ask(const char* method, const Request& request, Deadline deadline);
  absl::StatusOr<billing::v1::Account> FindExactly(const std::string& search, Deadline deadline,
                                                   const std::string& (billing::v1::Account::*of)()
                                                       const);

  rpc::Channel& channel_;
  const CallContext context_;
};

}  // namespace holdfast::middleware
