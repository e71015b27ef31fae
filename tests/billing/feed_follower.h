// Follows billing's feed of entitlements as middleware does, through every death of an instance.
#pragma once

#include <map>
#include <string>

#include "absl/synchronization/mutex.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/app/follower.h"
#include "libs/replica/replica.h"
#include "tests/billing/billing_pair.h"

namespace holdfast::test {

// Thread-safe. The caller must outlive it.
class FeedFollower {
 public:
  explicit FeedFollower(BillingCaller& caller)
      : feed_(caller.clock(), caller.metrics()),
        follower_(caller.channel(), feed_, caller.clock(), caller.random()) {
    follower_.Start();
  }

  // The revision of what was told of an account last; 0: nothing, or told to ask again.
  std::uint64_t RevisionOf(const std::string& account) const { return feed_.RevisionOf(account); }
  std::uint64_t went_back() const { return feed_.went_back(); }
  // It has been told where the feed stands: of what happens from now on it will hear.
  bool follows() const { return !feed_.epoch().empty(); }

 private:
  class Feed final : public replica::ReplicaBase {
   public:
    Feed(const Clock& clock, telemetry::Metrics& metrics)
        : ReplicaBase({.name = "entitlements", .refuse_shrink_below = 0}, clock, metrics) {}
    std::uint64_t RevisionOf(const std::string& account) const {
      absl::MutexLock lock(&mutex_);
      const auto found = told_.find(account);
      return found == told_.end() ? 0 : found->second;
    }
    std::uint64_t went_back() const {
      absl::MutexLock lock(&mutex_);
      return went_back_;
    }

   protected:
    absl::Status ApplyItems(
        bool /*full*/, const std::vector<std::pair<std::string, SharedBytes>>& items) override {
      absl::MutexLock lock(&mutex_);
      for (const auto& [account, bytes] : items) {
        billing::v1::Entitlement told;
        if (bytes == nullptr || !told.ParseFromString(*bytes) || told.account_id() != account) {
          return absl::DataLossError("the entitlement of " + account + " is damaged");
        }
        std::uint64_t& known = told_[account];
        if (told.revision() < known) ++went_back_;
        known = std::max(known, told.revision());
      }
      return absl::OkStatus();
    }
    std::vector<std::pair<std::string, SharedBytes>> AllItems() const override { return {}; }
    void OnReset() override {
      absl::MutexLock lock(&mutex_);
      told_.clear();
    }

   private:
    mutable absl::Mutex mutex_;
    std::map<std::string, std::uint64_t> told_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t went_back_ ABSL_GUARDED_BY(mutex_) = 0;
  };

  Feed feed_;
  app::Follower follower_;
};

}  // namespace holdfast::test
