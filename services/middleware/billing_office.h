// What middleware asks billing to do for an account: on behalf of an operator's script, or of the
// viewer who adds a package on the box. Never on the way of a zap, a list or a heartbeat.
//
// Billing's own messages are used as they come: this class adds nothing but deadlines, keys and the
// name of who wants it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/string_map.h"
#include "libs/rpc/channel.h"
#include "services/middleware/peers.h"

namespace holdfast::middleware {

// What every command says beside what it is about. A value.
struct Errand {
  std::string person;  // who wants it, for billing's audit log: PersonOf
  std::string key;     // makes it happen once, however often it is asked
  Deadline deadline;

  // One of the several commands that one wish takes.
  Errand Step(std::string_view name) const {
    return {person, key + "-" + std::string(name), deadline};
  }
};

// "viewer:00:1A:79:00:00:01", "script:crm": of any name what billing takes for one, at most 200
// bytes of UTF-8 without control characters.
std::string PersonOf(std::string_view kind, std::string_view name);

// Thread-safe; blocks: worker threads and jobs only. `channel` must outlive it. The requests that a
// command takes come without key and person.
class BillingOffice {
 public:
  BillingOffice(rpc::Channel& channel, const CallContext& context)
      : channel_(channel), context_(context) {}

  // -- Accounts. Closed ones count as not there: NOT_FOUND.
  absl::StatusOr<billing::v1::Account> Find(const AccountId& id, Deadline deadline);
  absl::StatusOr<billing::v1::Account> FindByNumber(const std::string& number, Deadline deadline);
  absl::StatusOr<billing::v1::Account> FindByLogin(const std::string& login, Deadline deadline);
  absl::StatusOr<std::vector<billing::v1::Account>> All(Deadline deadline);
  // What their wallets hold, less what is held in them: minor units by "account id/currency". An
  // account without money may be missing.
  absl::StatusOr<StringMap<std::int64_t>> AllWallets(Deadline deadline);
  absl::StatusOr<billing::v1::Account> Create(billing::v1::CreateAccountRequest request,
                                              const Errand& errand);
  absl::Status Update(billing::v1::UpdateAccountRequest request, const Errand& errand);
  absl::Status SetPassword(billing::v1::SetPasswordRequest request, const Errand& errand);
  absl::Status Close(const AccountId& id, const Errand& errand);

  // -- What is sold.
  absl::StatusOr<std::vector<billing::v1::TariffPlan>> Plans(Deadline deadline);
  absl::StatusOr<std::vector<billing::v1::Package>> Packages(Deadline deadline);

  // -- Subscriptions. Those that are over for good are left out.
  absl::StatusOr<std::vector<billing::v1::Subscription>> Held(const AccountId& account,
                                                              Deadline deadline);
  // Of all accounts, by their ids: some pages instead of a call for each.
  absl::StatusOr<StringMap<std::vector<billing::v1::Subscription>>> AllHeld(Deadline deadline);
  absl::StatusOr<billing::v1::Subscription> Start(billing::v1::StartSubscriptionRequest request,
                                                  const Errand& errand);
  absl::StatusOr<billing::v1::RentFilmResponse> Rent(billing::v1::RentFilmRequest request,
                                                     const Errand& errand);
  absl::Status Change(const std::string& subscription, const std::string& plan,
                      const Errand& errand);
  absl::Status Suspend(const std::string& subscription, const Errand& errand);
  absl::Status Resume(const std::string& subscription, const Errand& errand);
  absl::Status Cancel(const std::string& subscription, const Errand& errand);

 private:
  template <class Response, class Request>
  absl::StatusOr<Response> Ask(const char* method, const Request& request, Deadline deadline);
  template <class Response, class Request>
  absl::StatusOr<Response> Command(const char* method, Request request, const Errand& errand);
  absl::StatusOr<billing::v1::Account> FindExactly(const std::string& search, Deadline deadline,
                                                   const std::string& (billing::v1::Account::*of)()
                                                       const);

  rpc::Channel& channel_;
  const CallContext context_;
};

}  // namespace holdfast::middleware
