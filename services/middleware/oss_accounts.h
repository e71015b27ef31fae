// Resources of the OSS API about people: accounts, users, account_subscription.
//
// An account is billing's; its boxes are ours. Scripts know one box of an account (stb_mac): where
// an account has several, that is the one they named, or the one that joined first by MAC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "services/middleware/account_notes.h"
#include "services/middleware/device_table.h"
#include "services/middleware/entitlements.h"
#include "services/middleware/event_sender.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/oss_call.h"
#include "services/middleware/presence.h"
#include "services/middleware/store.h"
#include "services/middleware/subscription_desk.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Blocks: worker threads and jobs.
class OssAccounts {
 public:
  // All of it must outlive it.
  struct Parts {
    Store& store;
    DeviceTable& devices;
    BillingOffice& billing;
    SubscriptionDesk& desk;
    Entitlements& entitlements;
    AccountNotes& notes;
    EventSender& events;
    const Presence& presence;
    const Clock& clock;
  };

  // `restart_message`: what boxes show when their account's subscription was changed.
  OssAccounts(std::string restart_message, const Parts& parts)
      : restart_message_(std::move(restart_message)), parts_(parts) {}

  OssAnswer Accounts(const OssCall& call);  // also "users"
  OssAnswer Subscriptions(const OssCall& call);

  // -- For other resources and for hooks --------------------------------------------------------
  // Makes the fields of a PUT true: see kWritable in the .cpp. INVALID_ARGUMENT names a field.
  absl::Status Update(const billing::v1::Account& account, const OssCall& call);
  absl::StatusOr<billing::v1::Account> CreateAccount(const OssCall& call);
  // NOT_FOUND "Account not found".
  absl::StatusOr<billing::v1::Account> FindByNumber(const std::string& number, Deadline deadline);
  absl::StatusOr<billing::v1::Account> OwnerOf(const std::string& mac, Deadline deadline);
  // Gives the box to the account; without one to nobody. The box has to start again.
  absl::Status GiveBox(const Mac& mac, const AccountId& account, Deadline deadline);
  // Tells the boxes of the account to start again.
  absl::Status AskToRestart(const AccountId& account, const std::string& key, Deadline deadline);

 private:
  // An account, and the box by which it was named, if it was.
  struct Chosen {
    billing::v1::Account account;
    std::string mac;
  };
  // What is shown of accounts, by their ids; who is online, by MAC.
  struct Facts {
    StringMap<std::vector<billing::v1::Subscription>> held;
    StringMap<std::vector<Device>> boxes;
    StringMap<AccountNote> notes;
    StringMap<SeenBox> seen;
    // Read where there are many accounts: see BillingOffice::AllWallets.
    std::optional<StringMap<std::int64_t>> wallets;
  };
  absl::StatusOr<std::vector<Chosen>> Choose(const OssCall& call);
  StringMap<SeenBox> SeenOf(const std::vector<std::string>& macs, const OssCall& call) const;
  // A few accounts are asked for one by one; of many everything is read in pages.
  absl::StatusOr<Facts> Gather(const std::vector<Chosen>& chosen, const OssCall& call);
  absl::Status GatherAll(Facts& facts, Deadline deadline);
  void Append(JsonWriter& json, const Chosen& choice, const Facts& facts,
              AccountSubscriptions& sold, Deadline deadline);
  absl::StatusOr<std::vector<Device>> BoxesOf(const AccountId& account, Deadline deadline);

  OssAnswer Get(const OssCall& call);
  OssAnswer Create(const OssCall& call);
  OssAnswer UpdateOne(const OssCall& call);
  OssAnswer Delete(const OssCall& call);
  OssAnswer SubscriptionsOf(const std::vector<Chosen>& chosen, const OssCall& call);
  absl::Status CheckNewBox(std::string_view mac, const AccountId& account, Deadline deadline);
  absl::Status ReplaceBox(const AccountId& account, std::string_view mac, Deadline deadline);
  std::string BalanceOf(const billing::v1::Account& account, const AccountNote& note,
                        const Facts& facts, Deadline deadline);
  absl::Status UpdateWords(const billing::v1::Account& account, const OssCall& call);

  const std::string restart_message_;
  const Parts parts_;
};

// "2026-12-31" or "2026-12-31 00:00:00" (UTC): the beginning of that day. INVALID_ARGUMENT.
absl::StatusOr<std::int64_t> ParseEndDate(std::string_view text);
// "2026-12-31 00:00:00"
std::string EndDateText(std::int64_t epoch_seconds);
// When the box was seen last, in that form; "" if nobody knows.
std::string LastActiveText(const SeenBox& seen);
// "1" or "0". INVALID_ARGUMENT.
absl::StatusOr<bool> ParseStatus(std::string_view text);

}  // namespace holdfast::middleware
