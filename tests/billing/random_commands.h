// Random commands of an operator's day, and what became of each of them as the callers saw it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "google/protobuf/message.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/random.h"
#include "tests/billing/billing_pair.h"

namespace holdfast::test {

// One command, sent once or more often.
struct Sent {
  std::string key;
  std::string method;
  std::shared_ptr<const google::protobuf::Message> request;
  bool impatient = false;  // sent once, with little patience, and never again

  // What came back; under the mutex of the commands.
  int times = 0;
  bool acknowledged = false;
  bool refused = false;  // at least once, with a reason
  std::string answer;    // the first one
};

// What a test knows of what there is to work on. The amounts are minor units of EUR.
struct World {
  std::vector<std::string> accounts;   // charged by us: "pre-..." from the wallet, "post-..." later
  std::vector<std::string> elsewhere;  // subscriptions that another system renews
  std::vector<std::string> vouchers;   // codes
  std::vector<std::string> coupons;    // the last one is for a few only
  std::vector<std::string> resold;     // those of `accounts` that the reseller "city" brought
  // Subscriptions from the start, by account: a base and its add-on of each of the accounts whose
  // bills the reseller "hotel" pays ("room-...", which are of `accounts` too).
  std::vector<std::pair<std::string, std::string>> given;
  static constexpr std::int64_t kVoucherValue = 500;
  static constexpr std::int64_t kRentalPrice = 70;      // of an item of the package "cinema"
  static constexpr std::int64_t kHotelsFunds = 20'000;  // of "hotel" at the beginning
};

// Thread-safe.
class RandomCommands {
 public:
  RandomCommands(const World& world, std::uint64_t seed, BillingCaller& caller);

  // Makes one up and sends it, or sends an old one again, or an old key with another body; returns
  // when it was answered or, if it is an impatient one, given up.
  void DoOne(Deadline deadline);

  struct Counts {
    int commands = 0;
    int acknowledged = 0;
    int refused = 0;      // for a reason that is part of life: no money, wrong state
    int given_up = 0;     // outcome unknown to the caller
    int repetitions = 0;  // of commands that were sent before
    int misuses = 0;      // of a key for another command
  };
  Counts counts() const;
  // What must never happen and was seen: two answers to one key, an unexpected refusal.
  std::vector<std::string> complaints() const;
  // Only when nobody calls DoOne any more.
  const std::deque<Sent>& all() const { return sent_; }

 private:
  using Message = google::protobuf::Message;
  struct Draft {
    std::string method;
    std::shared_ptr<Message> request;
  };
  Draft MakeUp();
  Draft MakeUpMoney();
  Draft MakeUpRental();
  Draft MakeUpCorrection();
  Draft MakeUpSubscription();
  Draft MakeUpStart();
  Draft MakeUpAddOn();
  void Send(Sent& command, Deadline deadline);
  void SendAgain(Deadline deadline);
  void LookForInvoices();
  void MisuseKey(Deadline deadline);
  void Learn(Sent& command, const absl::StatusOr<std::string>& answer);
  void LearnIds(const Sent& command);
  void Complain(std::string what) { complaints_.push_back(std::move(what)); }

  std::uint64_t Below(std::uint64_t bound) { return random_.Below(bound); }
  std::int64_t Amount(std::int64_t most) { return 1 + static_cast<std::int64_t>(Below(most)); }
  const std::string& AnyOf(const std::vector<std::string>& known);

  const World world_;
  SeededRandom random_;
  BillingCaller& caller_;
  const std::string run_ = SecureHex(4);

  mutable absl::Mutex mutex_;
  std::deque<Sent> sent_ ABSL_GUARDED_BY(mutex_);  // a deque: elements stay where they are
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> complaints_ ABSL_GUARDED_BY(mutex_);
  // What commands have made and others may use.
  std::vector<std::string> payments_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> adjustments_ ABSL_GUARDED_BY(mutex_);  // their entries
  std::vector<std::string> invoices_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> holds_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> subscriptions_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> started_ ABSL_GUARDED_BY(mutex_);  // live ones of an account, roughly
  std::map<std::string, int> add_ons_ ABSL_GUARDED_BY(mutex_);  // of an account, ever
  std::map<std::string, std::string> owners_ ABSL_GUARDED_BY(mutex_);  // of subscriptions
};

}  // namespace holdfast::test
