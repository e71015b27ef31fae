#include "services/middleware/entitlements.h"

#include <utility>
#include <vector>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/middleware/convert.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kAskTimeout = 2s;
constexpr auto kAskAgainAfter = 3s;  // about an account that billing could not tell of
constexpr std::size_t kMaxMemos = 200'000;
constexpr std::size_t kMaxUnknown = 100'000;

// Billing says that there is no such account: it has nothing, and nothing by default either. Of
// revision 0, so that whatever billing says of it later (or once said, in a token) is newer.
SharedBytes NothingFor(std::string_view account) {
  billing::v1::Entitlement nothing;
  nothing.set_account_id(std::string(account));
  nothing.set_status(billing::v1::Entitlement::STATUS_ACTIVE);
  return MakeShared(nothing.SerializeAsString());
}

}  // namespace

// Billing's feed: only recent changes, put into the cache as they come.
class Entitlements::Feed final : public replica::ReplicaBase {
 public:
  Feed(const Clock& clock, telemetry::Metrics& metrics, replica::StaleCache& cache,
       Entitlements& owner)
      : ReplicaBase({.name = "entitlements", .refuse_shrink_below = 0}, clock, metrics),
        cache_(cache),
        owner_(owner) {}

 protected:
  absl::Status ApplyItems(bool /*full*/,
                          const std::vector<std::pair<std::string, SharedBytes>>& items) override {
    for (const auto& [account, bytes] : items) {
      billing::v1::Entitlement entitlement;
      if (bytes != nullptr &&
          (!entitlement.ParseFromString(*bytes) || entitlement.account_id() != account)) {
        return DataLoss("the entitlement of account {} is damaged", account);
      }
    }
    for (const auto& [account, bytes] : items) {
      if (bytes == nullptr) continue;  // a delete is not a billing event
      billing::v1::Entitlement entitlement;
      entitlement.ParseFromString(*bytes);
      owner_.NoteLimit(account, entitlement.max_devices());
      cache_.Put(account, bytes);
    }
    return absl::OkStatus();
  }
  std::vector<std::pair<std::string, SharedBytes>> AllItems() const override { return {}; }
  void OnReset() override { cache_.SuspectAll(); }

 private:
  replica::StaleCache& cache_;
  Entitlements& owner_;
};

Entitlements::Entitlements(const Options& options, const Clock& clock, telemetry::Metrics& metrics,
                           Billing& billing, const AccountNotes& notes, WorkerPool& workers)
    : clock_(clock),
      notes_(notes),
      workers_(workers),
      cache_(
          {.name = "entitlements",
           .soft_ttl = options.refresh_after,
           .hard_ttl = options.refresh_after * 12,
           .file = options.file},
          clock, metrics,
          [&billing](std::string_view account, Deadline deadline) -> absl::StatusOr<SharedBytes> {
            auto answer = billing.GetEntitlement(AccountId(std::string(account)), deadline);
            if (absl::IsNotFound(answer.status())) return NothingFor(account);
            return answer;
          },
          [&workers](std::function<void()> job) { return workers.TrySubmit(std::move(job)); }),
      feed_(std::make_unique<Feed>(clock, metrics, cache_, *this)) {}

Entitlements::~Entitlements() = default;

SharedEntitlement Entitlements::Peek(const AccountId& account) {
  const replica::Cached cached = cache_.Peek(account.value());
  if (cached.value != nullptr) return Parsed(account, cached.value);
  AskInBackground(account);
  return nullptr;
}

SharedEntitlement Entitlements::Load(const AccountId& account, Deadline deadline) {
  const auto cached = cache_.Get(account.value(), deadline);
  return cached.ok() && cached->value != nullptr ? Parsed(account, cached->value) : nullptr;
}

std::optional<AccountPage> Entitlements::Page(const AccountId& account) {
  const replica::Cached cached = cache_.Peek(account.value());
  billing::v1::Entitlement entitlement;
  if (cached.value == nullptr || !entitlement.ParseFromString(*cached.value)) return std::nullopt;
  AccountPage page = AccountPageOf(entitlement);
  if (std::string told = notes_.Balance(account); !told.empty()) page.balance = std::move(told);
  return page;
}

replica::ReplicaBase& Entitlements::feed() { return *feed_; }

std::optional<std::chrono::seconds> Entitlements::StaleSince() const {
  if (!feed_->stale()) return std::nullopt;
  return feed_->age();
}

SharedEntitlement Entitlements::Parsed(const AccountId& account, const SharedBytes& bytes) {
  {
    absl::ReaderMutexLock lock(&mutex_);
    const Memo* memo = Find(memos_, account.value());
    if (memo != nullptr && memo->bytes == bytes) return memo->entitlement;
  }
  billing::v1::Entitlement proto;
  if (!proto.ParseFromString(*bytes)) return nullptr;
  auto entitlement = std::make_shared<const Entitlement>(FromProto(proto));
  absl::MutexLock lock(&mutex_);
  if (memos_.size() >= kMaxMemos) memos_.clear();
  memos_[account.value()] = {bytes, entitlement};
  return entitlement;
}

void Entitlements::AskInBackground(const AccountId& account) {
  const SteadyTime now = clock_.SteadyNow();
  {
    absl::MutexLock lock(&mutex_);
    if (asked_at_.size() >= kMaxUnknown) asked_at_.clear();
    const auto [it, fresh] = asked_at_.try_emplace(account.value(), now);
    if (!fresh && now - it->second < kAskAgainAfter) return;
    it->second = now;
  }
  // When the pool is full the next request asks again.
  const bool accepted =
      workers_.TrySubmit([this, account] { Load(account, Deadline::After(kAskTimeout, clock_)); });
  if (!accepted && telemetry::ShouldLog("entitlement fetch not accepted")) {
    telemetry::Log(telemetry::Warning, "no worker free to ask billing for an entitlement");
  }
}

// What is not known to have been small before may have been large.
void Entitlements::NoteLimit(const std::string& account, int max_devices) {
  billing::v1::Entitlement before;
  const replica::Cached cached = cache_.Peek(account);
  const bool known = cached.value != nullptr && before.ParseFromString(*cached.value);
  const bool was_small = known && before.max_devices() > 0 && before.max_devices() <= max_devices;
  absl::MutexLock lock(&mutex_);
  if (max_devices <= 0) {
    shrunk_.erase(account);
  } else if (!was_small) {
    shrunk_[account] = max_devices;
  }
}

void Entitlements::PutBackShrunk(const AccountId& account, int max_devices) {
  absl::MutexLock lock(&mutex_);
  shrunk_.try_emplace(account.value(), max_devices);
}

std::vector<std::pair<AccountId, int>> Entitlements::TakeShrunk() {
  absl::MutexLock lock(&mutex_);
  std::vector<std::pair<AccountId, int>> taken;
  for (const auto& [account, limit] : shrunk_) taken.emplace_back(AccountId(account), limit);
  shrunk_.clear();
  return taken;
}

void Entitlements::LoadFromDisk() {
  const absl::Status status = cache_.LoadFromDisk();
  if (!status.ok() && !absl::IsNotFound(status)) {
    telemetry::Log(telemetry::Warning, "entitlements on disk not usable",
                   {{"error", ToString(status)}});
  }
}

absl::Status Entitlements::SaveToDisk() { return cache_.SaveToDisk(); }

}  // namespace holdfast::middleware
