#include "services/middleware/app_logins.h"

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "libs/base/status.h"
#include "libs/replica/record.h"
#include "libs/security/hkdf.h"
#include "libs/telemetry/log.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLongest = 256;  // of login and password; billing takes no more
constexpr auto kRememberWrongFor = 60s;
constexpr auto kCheckPause = 60s;  // between two checks of one account that nobody answered
constexpr auto kCheckTimeout = 5s;
constexpr auto kWhereTimeout = 1s;
constexpr auto kStoreTimeout = 10s;
constexpr std::size_t kMaxRemembered = 100'000;
constexpr int kRowsPerPage = 5000;

security::HmacKey HashKeyFrom(std::string_view secret) {
  return security::HmacKey(security::HkdfSha256(
      {.key = secret, .salt = "", .info = "holdfast app login"}, /*length=*/32));
}

// Lengths in front: no two pairs give the same text.
std::string Joined(const Credentials& credentials) {
  replica::RecordWriter out;
  out.Text(credentials.login);
  out.Text(credentials.password);
  return out.bytes();
}

std::string Sign(const security::HmacKey& key, std::string_view text) {
  const auto tag = key.Sign(text);
  return {reinterpret_cast<const char*>(tag.data()), tag.size()};
}

bool IsNo(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) ||
         absl::IsNotFound(status) || absl::IsInvalidArgument(status);
}

}  // namespace

AppLogins::AppLogins(const Options& options, Ask ask, AppLoginStore& store,
                     const security::KeySet& keys, WorkerPool& workers, telemetry::Metrics& metrics,
                     const Clock& clock)
    : options_(options),
      ask_(std::move(ask)),
      store_(store),
      keys_(keys),
      workers_(workers),
      clock_(clock),
      table_(options.file),
      attempts_by_login_({.attempts = 20, .window = 60s}, clock),
      attempts_by_address_({.attempts = 60, .window = 60s}, clock),
      results_(metrics.CounterFamily("holdfast_middleware_app_logins_total",
                                     "Logins of apps that were not known, by what became of them.",
                                     {"result"})),
      held_(metrics.Gauge("holdfast_middleware_app_logins",
                          "Accounts whose app login this instance knows.")) {
  if (const std::string* secret = keys.secret(keys.signing_key_id())) {
    hash_keys_.push_back({keys.signing_key_id(), HashKeyFrom(*secret)});
  }
}

std::string AppLogins::TagOf(const Credentials& credentials) const {
  absl::ReaderMutexLock lock(&mutex_);
  return hash_keys_.empty() ? "" : Sign(hash_keys_.front().key, Joined(credentials));
}

SharedAppLogin AppLogins::FindByTags(const Credentials& credentials) const {
  const std::string text = Joined(credentials);
  absl::ReaderMutexLock lock(&mutex_);
  for (const HashKey& hash_key : hash_keys_) {
    if (SharedAppLogin login = table_.FindByTag(Sign(hash_key.key, text))) return login;
  }
  return nullptr;
}

bool AppLogins::ExpiredOrRefused(const AppLogin& login) const {
  return login.refused() ||
         EpochSeconds(clock_.Now()) >= login.verified_at + options_.honour_for.count();
}

AppLogins::Found AppLogins::Find(const Credentials& credentials, std::string_view address) {
  if (credentials.login.empty() || credentials.login.size() > kLongest ||
      credentials.password.size() > kLongest) {
    return {Standing::kWrong, nullptr};
  }
  if (SharedAppLogin login = FindByTags(credentials)) {
    if (ExpiredOrRefused(*login)) return {Standing::kAsk, nullptr};  // it is no guess
    CheckAgainIfDue(login, credentials);
    return {Standing::kKnown, std::move(login)};
  }
  if (IsRememberedWrong(TagOf(credentials))) {
    results_.With({"wrong_again"}).Add();
    return {Standing::kWrong, nullptr};
  }
  if (!attempts_by_address_.Allow(address) || !attempts_by_login_.Allow(credentials.login)) {
    results_.With({"too_many_attempts"}).Add();
    return {Standing::kTooManyAttempts, nullptr};
  }
  return {Standing::kAsk, nullptr};
}

absl::StatusOr<SharedAppLogin> AppLogins::LogIn(const Credentials& credentials, Deadline deadline) {
  const std::string tag = TagOf(credentials);
  if (tag.empty()) return FailedPrecondition("no key to remember logins by");
  std::shared_ptr<Flight> flight;
  {
    absl::MutexLock lock(&mutex_);
    std::shared_ptr<Flight>& slot = flights_[tag];
    if (slot == nullptr && asking_ < options_.asking_at_once) {
      ++asking_;
      slot = std::make_shared<Flight>();
      slot->second = absl::UnknownError("in flight");
    } else if (slot == nullptr) {
      flights_.erase(tag);
      results_.With({"busy"}).Add();
      return ResourceExhausted("too many logins at once");
    } else {
      flight = slot;
    }
  }
  if (flight != nullptr) {
    const auto wait = absl::FromChrono(deadline.Remaining(clock_));
    if (!flight->first.WaitForNotificationWithTimeout(wait)) {
      return DeadlineExceeded("waited for another login of the same app");
    }
    return flight->second;
  }
  absl::StatusOr<SharedAppLogin> result = AskBilling(credentials, tag, deadline);
  absl::MutexLock lock(&mutex_);
  const auto landed = flights_.find(tag);
  landed->second->second = result;
  landed->second->first.Notify();
  flights_.erase(landed);
  --asking_;
  return result;
}

absl::StatusOr<SharedAppLogin> AppLogins::AskBilling(const Credentials& credentials,
                                                     const std::string& tag, Deadline deadline) {
  const absl::StatusOr<AccountId> account = ask_(credentials, deadline);
  if (account.ok()) {
    const std::int64_t now = EpochSeconds(clock_.Now());
    AppLogin login{.account = *account,
                   .tag = tag,
                   .key_id = keys_.signing_key_id(),
                   .first_at = now,
                   .verified_at = now};
    // The clock of whoever verified it last may be ahead of ours.
    const SharedAppLogin held = table_.FindByAccount(*account);
    if (held != nullptr) login.verified_at = std::max(now, held->verified_at + 1);
    table_.Put(login);
    results_.With({"ok"}).Add();
    return table_.FindByAccount(*account);
  }
  if (!IsNo(account.status())) {
    results_.With({"billing_away"}).Add();
    return account.status();
  }
  results_.With({"wrong"}).Add();
  RememberWrong(tag);
  return Unauthenticated("login or password is wrong");
}

void AppLogins::CheckAgainIfDue(const SharedAppLogin& login, const Credentials& credentials) {
  const std::int64_t age = EpochSeconds(clock_.Now()) - login->verified_at;
  if (age < options_.check_again_after.count()) return;
  const SteadyTime now = clock_.SteadyNow();
  {
    absl::MutexLock lock(&mutex_);
    if (asking_ * 2 >= options_.asking_at_once) return;  // who waits for an answer goes first
    if (checked_.size() >= kMaxRemembered) checked_.clear();
    const auto [it, fresh] = checked_.try_emplace(login->account.value(), now);
    if (!fresh && now - it->second < kCheckPause) return;
    it->second = now;
    ++asking_;
  }
  if (workers_.TrySubmit([this, login, credentials] { CheckAgain(login, credentials); })) return;
  absl::MutexLock lock(&mutex_);
  --asking_;
}

void AppLogins::CheckAgain(const SharedAppLogin& login, const Credentials& credentials) {
  const absl::Cleanup done = [this] {
    absl::MutexLock lock(&mutex_);
    --asking_;
  };
  const auto result =
      AskBilling(credentials, TagOf(credentials), Deadline::After(kCheckTimeout, clock_));
  if (absl::IsUnauthenticated(result.status())) Refuse(login->account);
}

void AppLogins::Refuse(const AccountId& account) {
  const SharedAppLogin held = table_.FindByAccount(account);
  if (held == nullptr || held->refused()) return;
  AppLogin refused = *held;
  refused.tag.clear();
  refused.verified_at = std::max(EpochSeconds(clock_.Now()), held->verified_at + 1);
  refused.revision = 0;
  table_.Put(std::move(refused));
  results_.With({"ended"}).Add();
}

void AppLogins::LoadFromDisk() {
  const absl::Status loaded = table_.LoadFromDisk();
  if (!loaded.ok() && !absl::IsNotFound(loaded)) {
    telemetry::Log(telemetry::Warning, "app logins on disk not usable",
                   {{"error", ToString(loaded)}});
  }
  NoticeKeys();
  held_.Set(static_cast<double>(table_.size()));
}

absl::Status AppLogins::Sync(Deadline deadline) {
  held_.Set(static_cast<double>(table_.size()));
  HOLDFAST_ASSIGN_OR_RETURN(const AppLoginStore::Position there,
                            store_.Where(deadline.AtMost(kWhereTimeout, clock_)));
  const std::vector<AppLogin> news = table_.NotStored();
  if (!news.empty()) {
    HOLDFAST_RETURN_IF_ERROR(store_.Save(deadline.AtMost(kStoreTimeout, clock_), news));
  }
  AppLoginStore::Position here = table_.position();
  if (here.life != there.life) here = {.life = there.life, .revision = 0};
  if (news.empty() && here.revision >= there.revision) return absl::OkStatus();
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(
        std::vector<AppLogin> rows,
        store_.Since(deadline.AtMost(kStoreTimeout, clock_), here.revision, kRowsPerPage));
    if (rows.empty()) break;
    for (AppLogin& row : rows) {
      here.revision = std::max(here.revision, row.revision);
      table_.Put(std::move(row));
    }
  }
  table_.SetPosition(here);
  NoticeKeys();
  return absl::OkStatus();
}

void AppLogins::NoticeKeys() {
  for (const std::string& id : table_.KeyIds()) {
    absl::MutexLock lock(&mutex_);
    const bool known = std::any_of(hash_keys_.begin(), hash_keys_.end(),
                                   [&](const HashKey& k) { return k.id == id; });
    const std::string* secret = keys_.secret(id);
    if (!known && secret != nullptr) hash_keys_.push_back({id, HashKeyFrom(*secret)});
  }
}

void AppLogins::RememberWrong(const std::string& tag) {
  absl::MutexLock lock(&mutex_);
  if (wrong_.size() >= kMaxRemembered) wrong_.clear();
  wrong_[tag] = clock_.SteadyNow() + kRememberWrongFor;
}

bool AppLogins::IsRememberedWrong(std::string_view tag) {
  absl::MutexLock lock(&mutex_);
  const SteadyTime* until = holdfast::Find(wrong_, tag);
  return until != nullptr && clock_.SteadyNow() < *until;
}

}  // namespace holdfast::middleware
