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
// revision 0, so that whatever billing says of it later (or once said, here or in a token) is
// newer.
Statement NothingFor(const std::string& account) {
  Statement nothing;
  nothing.entitlement.set_account_id(account);
  nothing.entitlement.set_status(billing::v1::Entitlement::STATUS_ACTIVE);
  nothing.bytes.set_entitlement(nothing.entitlement.SerializeAsString());
  return nothing;
}

}  // namespace

// Billing's feed: only recent changes, put into the cache as they come.
class Entitlements::Feed final : public replica::ReplicaBase {
 public:
  Feed(const Clock& clock, telemetry::Metrics& metrics, Entitlements& owner)
      : ReplicaBase({.name = "entitlements", .refuse_shrink_below = 0}, clock, metrics),
        owner_(owner) {}

 protected:
  absl::Status ApplyItems(bool /*full*/,
                          const std::vector<std::pair<std::string, SharedBytes>>& items) override {
    for (const auto& [account, bytes] : items) {
      if (bytes != nullptr) owner_.Take(account, bytes);  // a delete is not a billing event
    }
    return absl::OkStatus();
  }
  std::vector<std::pair<std::string, SharedBytes>> AllItems() const override { return {}; }
  void OnReset() override { owner_.cache_.SuspectAll(); }

 private:
  Entitlements& owner_;
};

Entitlements::Entitlements(const Options& options, const Dependencies& on)
    : clock_(on.clock),
      billing_(on.billing),
      notes_(on.notes),
      workers_(on.workers),
      records_(on.billing_keys, on.portal_keys, on.metrics),
      older_file_(options.older_file),
      cache_(
          {.name = "entitlements",
           .soft_ttl = options.refresh_after,
           .hard_ttl = options.refresh_after * 12,
           .file = options.file},
          on.clock, on.metrics,
          [this](std::string_view account, Deadline deadline) {
            return Fetch(std::string(account), deadline);
          },
          [&workers = on.workers](std::function<void()> job) {
            return workers.TrySubmit(std::move(job));
          }),
      feed_(std::make_unique<Feed>(on.clock, on.metrics, *this)) {}

Entitlements::~Entitlements() = default;

SharedEntitlement Entitlements::Peek(const AccountId& account) {
  const replica::Cached cached = cache_.Peek(account.value());
  if (cached.value != nullptr) {
    SharedEntitlement known = Believed(account.value(), cached.value).entitlement;
    if (known != nullptr) return known;
  }
  AskInBackground(account);
  return nullptr;
}

SharedEntitlement Entitlements::Load(const AccountId& account, Deadline deadline) {
  // What is held may turn out to be nothing that can be believed: then it is fetched after all.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto cached = cache_.Get(account.value(), deadline);
    if (!cached.ok() || cached->value == nullptr) return nullptr;
    SharedEntitlement known = Believed(account.value(), cached->value).entitlement;
    if (known != nullptr) return known;
  }
  return nullptr;
}

std::optional<AccountPage> Entitlements::Page(const AccountId& account) {
  const replica::Cached cached = cache_.Peek(account.value());
  if (cached.value == nullptr) return std::nullopt;
  const Memo known = Believed(account.value(), cached.value);
  if (known.entitlement == nullptr) return std::nullopt;
  AccountPage page = AccountPageOf(EntitlementRecords::Claimed(known.bytes));
  if (std::string told = notes_.Balance(account); !told.empty()) page.balance = std::move(told);
  return page;
}

replica::ReplicaBase& Entitlements::feed() { return *feed_; }

std::optional<std::chrono::seconds> Entitlements::StaleSince() const {
  if (!feed_->stale()) return std::nullopt;
  return feed_->age();
}

// An answer is verified at once: somebody waits for it, and what is not good is no answer.
absl::StatusOr<Statement> Entitlements::Ask(const std::string& account, Deadline deadline) {
  auto answer = billing_.GetEntitlement(AccountId(account), deadline);
  if (absl::IsNotFound(answer.status())) return NothingFor(account);
  if (!answer.ok()) return answer.status();
  HOLDFAST_ASSIGN_OR_RETURN(Statement statement, records_.Open(account, **answer));
  HOLDFAST_RETURN_IF_ERROR(records_.Verify(account, statement));
  return statement;
}

void Entitlements::Renew(const AccountId& account, Deadline deadline) {
  const absl::StatusOr<Statement> said = Ask(account.value(), deadline);
  if (!said.ok()) {
    cache_.Suspect(account.value());
    return;
  }
  cache_.Update(account.value(), [&](const SharedBytes& held) {
    return records_.Believe(account.value(), held, *said);
  });
}

absl::StatusOr<SharedBytes> Entitlements::Fetch(const std::string& account, Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const Statement statement, Ask(account, deadline));
  return records_.Believe(account, cache_.Held(account), statement);
}

void Entitlements::Take(const std::string& account, const SharedBytes& told) {
  const absl::StatusOr<Statement> statement = records_.Open(account, *told);
  if (!statement.ok()) {
    cache_.Suspect(account);
    return;
  }
  // A greater revision that nobody has verified may be forged; it must not keep this one out.
  if (const SharedBytes held = cache_.Held(account);
      EntitlementRecords::OffersNewer(held, statement->entitlement.revision())) {
    Believed(account, held);
  }
  NoteLimit(account, statement->entitlement.max_devices());
  cache_.Update(account,
                [&](const SharedBytes& held) { return records_.Offer(account, held, *statement); });
}

std::optional<Entitlements::Memo> Entitlements::Remembered(const std::string& account,
                                                           const SharedBytes& held) {
  absl::ReaderMutexLock lock(&mutex_);
  const Memo* memo = Find(memos_, account);
  if (memo == nullptr || memo->bytes != held) return std::nullopt;
  return *memo;
}

Entitlements::Memo Entitlements::Believed(const std::string& account, const SharedBytes& held) {
  if (std::optional<Memo> memo = Remembered(account, held)) return *std::move(memo);
  absl::MutexLock lock(&judging_[StringHash()(account) % kJudges]);
  // Whoever held the lock before may have judged the same.
  SharedBytes now = cache_.Held(account);
  if (now == nullptr) now = held;
  if (std::optional<Memo> memo = Remembered(account, now)) return *std::move(memo);
  return Decide(account, now);
}

Entitlements::Memo Entitlements::Decide(const std::string& account, const SharedBytes& held) {
  Judged judged = records_.Judge(account, held);
  if (judged.kept != held) cache_.Exchange(account, held, judged.kept);
  if (judged.refused) cache_.Suspect(account);
  if (judged.kept == nullptr) return {};
  Memo memo{judged.kept, std::make_shared<const Entitlement>(FromProto(judged.entitlement))};
  absl::MutexLock lock(&mutex_);
  if (memos_.size() >= kMaxMemos) memos_.clear();
  memos_[account] = memo;
  return memo;
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
  if (max_devices <= 0) return;
  const int before = EntitlementRecords::Claimed(cache_.Held(account)).max_devices();
  const bool was_small = before > 0 && before <= max_devices;
  if (was_small) return;
  absl::MutexLock lock(&mutex_);
  shrunk_[account] = max_devices;
}

void Entitlements::PutBackShrunk(const AccountId& account, int max_devices) {
  absl::MutexLock lock(&mutex_);
  shrunk_.try_emplace(account.value(), max_devices);
}

// Boxes leave an account by what is believed, not by what a feed said first.
std::vector<std::pair<AccountId, int>> Entitlements::TakeShrunk() {
  StringMap<int> noted;
  {
    absl::MutexLock lock(&mutex_);
    noted.swap(shrunk_);
  }
  std::vector<std::pair<AccountId, int>> taken;
  for (const auto& [account, told] : noted) {
    const SharedBytes held = cache_.Held(account);
    const SharedEntitlement known = held == nullptr ? nullptr : Believed(account, held).entitlement;
    if (known != nullptr && known->max_devices > 0) {
      taken.emplace_back(AccountId(account), known->max_devices);
    }
  }
  return taken;
}

void Entitlements::LoadFromDisk() {
  absl::Status status = cache_.LoadFromDisk();
  if (absl::IsNotFound(status) && !older_file_.empty()) status = cache_.LoadFrom(older_file_);
  if (!status.ok() && !absl::IsNotFound(status)) {
    telemetry::Log(telemetry::Warning, "entitlements on disk not usable",
                   {{"error", ToString(status)}});
  }
}

absl::Status Entitlements::SaveToDisk() { return cache_.SaveToDisk(); }

}  // namespace holdfast::middleware
