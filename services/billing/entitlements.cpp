#include "services/billing/entitlements.h"

#include <utility>
#include <vector>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/billing/snapshot.h"

namespace holdfast::billing {
namespace {

// An entry that the feed has not touched for so long is read again, so `stale` in an answer means
// that the database did not answer.
constexpr std::chrono::milliseconds kTrustFor = std::chrono::seconds(60);

replica::StaleCacheOptions Options(const std::string& file) {
  return {.name = "entitlements", .soft_ttl = kTrustFor, .hard_ttl = kTrustFor, .file = file};
}

}  // namespace

Entitlements::Entitlements(const Dependencies& on, const std::string& file)
    : store_(on.store),
      metrics_(on.metrics),
      zone_(on.zone),
      keys_(on.keys),
      cache_(
          Options(file), on.clock, on.registry,
          [this](std::string_view account, Deadline deadline) { return Fetch(account, deadline); },
          [&workers = on.workers](std::function<void()> job) {
            return workers.TrySubmit(std::move(job));
          }) {
  if (file.empty()) return;
  if (absl::Status status = cache_.LoadFromDisk(); !status.ok() && !absl::IsNotFound(status)) {
    telemetry::Log(telemetry::Warning, "entitlements on disk cannot be used",
                   {{"error", ToString(status)}});
  }
}

absl::StatusOr<v1::Entitlement> Entitlements::Get(const AccountId& account, Deadline deadline) {
  // A database that hangs may use half of the time: the rest is for answering without it.
  const Deadline half = deadline.AtMost(deadline.Remaining() / 2);
  HOLDFAST_ASSIGN_OR_RETURN(const replica::Cached cached, cache_.Get(account.value(), half));
  if (cached.stale) metrics_.degraded_answers.With({"postgres", "GetEntitlement"}).Add();
  v1::Entitlement entitlement;
  if (!entitlement.ParseFromString(*cached.value)) {
    return Internal("entitlement of account {} cannot be parsed", account.value());
  }
  return entitlement;
}

void Entitlements::Refresh(const AccountId& account, Deadline deadline) {
  auto fetched = Fetch(account.value(), deadline);
  if (fetched.ok()) cache_.Put(account.value(), *std::move(fetched));
}

void Entitlements::Put(const AccountId& account, SharedBytes serialized) {
  cache_.Put(account.value(), std::move(serialized));
}

absl::StatusOr<SharedBytes> Entitlements::Fetch(std::string_view account, Deadline deadline) const {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Facts> facts,
                            store_.FindFacts(deadline, {AccountId(std::string(account))}));
  if (facts.empty()) return NotFound("account {} unknown", account);
  return SnapshotOf(facts.front());
}

SharedBytes Entitlements::SnapshotOf(const Facts& facts) const {
  static const security::KeySet kNone;
  if (keys_ == nullptr) return MakeShared(Snapshot(facts, zone_, kNone));
  return MakeShared(Snapshot(facts, zone_, *keys_->Current()));
}

}  // namespace holdfast::billing
