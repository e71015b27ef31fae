#include "services/middleware/entitlement_records.h"

#include <utility>

#include "libs/base/status.h"
#include "libs/security/hmac.h"
#include "libs/telemetry/log.h"

namespace holdfast::middleware {
namespace {

// In the order of Refusal.
constexpr std::string_view kReasons[] = {"missing", "unknown_key",   "forged",
                                         "damaged", "other_account", "older"};

using security::RecordVerdict;
using Kept = v1::KeptEntitlement;

// The record in what is held. A file of a release that kept no records holds what billing told.
Kept RecordIn(const SharedBytes& held) {
  Kept record;
  if (held == nullptr || !record.ParseFromString(*held)) return {};
  if (record.has_believed() || record.has_offered()) return record;
  billing::v1::Entitlement told;
  if (!told.ParseFromString(*held) || told.account_id().empty()) return {};
  Kept converted;
  Kept::Snapshot& snapshot = *converted.mutable_believed();
  if (told.has_signed_copy()) {
    snapshot.set_entitlement(told.signed_copy().entitlement());
    snapshot.set_key_id(told.signed_copy().key_id());
    snapshot.set_signature(told.signed_copy().signature());
  } else {
    snapshot.set_entitlement(*held);
  }
  return converted;
}

billing::v1::Entitlement EntitlementIn(const Kept::Snapshot& snapshot) {
  billing::v1::Entitlement entitlement;
  if (!entitlement.ParseFromString(snapshot.entitlement())) entitlement.Clear();
  return entitlement;
}

std::uint64_t RevisionOf(const Kept::Snapshot& snapshot) {
  return EntitlementIn(snapshot).revision();
}

security::RecordSignature SignatureOf(const Kept::Snapshot& snapshot) {
  return {snapshot.key_id(), snapshot.signature()};
}

constexpr std::size_t kSealBytes = 16;

// The key signs portal tokens in another way; the first words keep the two apart.
std::string Seal(const security::HmacKey& key, std::string_view account,
                 std::string_view entitlement) {
  const auto tag = key.Sign(
      fmt::format("holdfast kept entitlement 1\n{}\n{}\n{}", account.size(), account, entitlement));
  return {reinterpret_cast<const char*>(tag.data()), kSealBytes};
}

SharedBytes Bytes(const Kept& record) { return MakeShared(record.SerializeAsString()); }

}  // namespace

EntitlementRecords::EntitlementRecords(const security::KeyFolder& billing_keys,
                                       const security::KeySet& portal_keys,
                                       telemetry::Metrics& metrics)
    : billing_keys_(billing_keys),
      portal_keys_(portal_keys),
      verified_(metrics.Counter("holdfast_middleware_entitlements_verified_total",
                                "Signatures of entitlements that were checked, good or not.")) {
  const telemetry::CounterFamily refused = metrics.CounterFamily(
      "holdfast_middleware_entitlements_refused_total",
      "Entitlements that were not believed: missing or forged signature, unknown_key, damaged, "
      "other_account; older ones than what is held.",
      {"reason"});
  // All of them from the start: an alert sees the first one of its kind.
  for (const std::string_view reason : kReasons) refused_.push_back(refused.With({reason}));
}

absl::StatusOr<Statement> EntitlementRecords::Open(std::string_view account,
                                                   std::string_view told) {
  Statement statement;
  billing::v1::Entitlement outer;
  if (!outer.ParseFromArray(told.data(), static_cast<int>(told.size()))) {
    return Refuse(Refusal::kDamaged, account);
  }
  if (outer.has_signed_copy()) {
    statement.bytes.set_entitlement(outer.signed_copy().entitlement());
    statement.bytes.set_key_id(outer.signed_copy().key_id());
    statement.bytes.set_signature(outer.signed_copy().signature());
  } else {
    statement.bytes.set_entitlement(std::string(told));
  }
  if (!statement.entitlement.ParseFromString(statement.bytes.entitlement())) {
    return Refuse(Refusal::kDamaged, account);
  }
  if (statement.entitlement.account_id() != account) return Refuse(Refusal::kOtherAccount, account);
  if (must_be_signed()) {
    HOLDFAST_RETURN_IF_ERROR(RefuseUnless(
        security::LooksSigned(SignatureOf(statement.bytes), *billing_keys_.Current()), account));
  }
  return statement;
}

absl::Status EntitlementRecords::Verify(std::string_view account, const Statement& statement) {
  return Check(account, statement.bytes);
}

absl::Status EntitlementRecords::Check(std::string_view account, const Kept::Snapshot& snapshot) {
  if (EntitlementIn(snapshot).account_id() != account) {
    return Refuse(Refusal::kOtherAccount, account);
  }
  if (!must_be_signed()) return absl::OkStatus();
  verified_.Add();
  return RefuseUnless(security::VerifyRecord(security::kEntitlementPurpose, snapshot.entitlement(),
                                             SignatureOf(snapshot), *billing_keys_.Current()),
                      account);
}

SharedBytes EntitlementRecords::Offer(std::string_view account, const SharedBytes& held,
                                      const Statement& statement) {
  if (!must_be_signed()) return Believe(account, held, statement);
  Kept record = RecordIn(held);
  if (record.has_believed()) {
    const bool same = record.believed().entitlement() == statement.bytes.entitlement();
    const bool older = statement.entitlement.revision() < RevisionOf(record.believed());
    // What came from the disk may say anything of itself: it counts only if it is believed.
    if (same || older) {
      if (!Believable(account, record)) {
        record.clear_believed();
      } else if (older) {
        Count(Refusal::kOlder, account);
        return nullptr;
      } else if (!record.has_offered()) {
        return held;
      }
    }
  }
  if (record.has_offered() && statement.entitlement.revision() < RevisionOf(record.offered())) {
    Count(Refusal::kOlder, account);
    return nullptr;
  }
  *record.mutable_offered() = statement.bytes;
  return Bytes(record);
}

SharedBytes EntitlementRecords::Believe(std::string_view account, const SharedBytes& held,
                                        const Statement& statement) {
  Kept record = RecordIn(held);
  const std::uint64_t revision = statement.entitlement.revision();
  if (record.has_believed() && Believable(account, record)) {
    if (record.believed().entitlement() == statement.bytes.entitlement() &&
        IsSealed(account, record)) {
      return held;
    }
    if (revision < RevisionOf(record.believed())) {
      Count(Refusal::kOlder, account);
      return held;
    }
  }
  if (record.has_offered() && RevisionOf(record.offered()) <= revision) record.clear_offered();
  *record.mutable_believed() = statement.bytes;
  return Sealed(account, std::move(record));
}

Judged EntitlementRecords::Judge(std::string_view account, const SharedBytes& held) {
  Judged judged;
  Kept record = RecordIn(held);
  if (record.has_offered()) {
    const bool good = Check(account, record.offered()).ok();
    judged.refused = !good;
    if (good) *record.mutable_believed() = std::move(*record.mutable_offered());
    record.clear_offered();
    if (good) {
      judged.entitlement = EntitlementIn(record.believed());
      judged.kept = Sealed(account, std::move(record));
      return judged;
    }
  }
  if (!record.has_believed() && !judged.refused) Count(Refusal::kDamaged, account);
  if (!record.has_believed() || !Believable(account, record)) {
    judged.refused = true;
    return judged;
  }
  judged.entitlement = EntitlementIn(record.believed());
  const bool as_it_was = !judged.refused && record.seal_key_id() == portal_keys_.signing_key_id() &&
                         IsSealed(account, record);
  judged.kept = as_it_was ? held : Sealed(account, std::move(record));
  return judged;
}

billing::v1::Entitlement EntitlementRecords::Claimed(const SharedBytes& held) {
  const Kept record = RecordIn(held);
  return EntitlementIn(record.believed());
}

bool EntitlementRecords::OffersNewer(const SharedBytes& held, std::uint64_t revision) {
  const Kept record = RecordIn(held);
  return record.has_offered() && RevisionOf(record.offered()) > revision;
}

// By our seal, which costs next to nothing, or else by billing's signature.
bool EntitlementRecords::Believable(std::string_view account, const Kept& record) {
  return IsSealed(account, record) || Check(account, record.believed()).ok();
}

bool EntitlementRecords::IsSealed(std::string_view account, const Kept& record) const {
  const security::HmacKey* key = portal_keys_.hmac_key(record.seal_key_id());
  return key != nullptr && security::ConstantTimeEqual(
                               record.seal(), Seal(*key, account, record.believed().entitlement()));
}

SharedBytes EntitlementRecords::Sealed(std::string_view account, Kept record) const {
  const std::string& key_id = portal_keys_.signing_key_id();
  if (const security::HmacKey* key = portal_keys_.hmac_key(key_id)) {
    record.set_seal_key_id(key_id);
    record.set_seal(Seal(*key, account, record.believed().entitlement()));
  }
  return Bytes(record);
}

absl::Status EntitlementRecords::RefuseUnless(RecordVerdict verdict, std::string_view account) {
  switch (verdict) {
    case RecordVerdict::kGood:
      return absl::OkStatus();
    case RecordVerdict::kUnsigned:
      return Refuse(Refusal::kMissing, account);
    case RecordVerdict::kUnknownKey:
      return Refuse(Refusal::kUnknownKey, account);
    case RecordVerdict::kForged:
      break;
  }
  return Refuse(Refusal::kForged, account);
}

absl::Status EntitlementRecords::Refuse(Refusal why, std::string_view account) {
  Count(why, account);
  return DataLoss("the entitlement of account {} is not believed", account);
}

void EntitlementRecords::Count(Refusal why, std::string_view account) {
  const std::string_view reason = kReasons[static_cast<std::size_t>(why)];
  refused_[static_cast<std::size_t>(why)].Add();
  if (why == Refusal::kOlder) return;  // an instance of billing that lags; nobody has to do a thing
  if (!telemetry::ShouldLog("entitlement not believed")) return;
  telemetry::Log(telemetry::Warning,
                 "entitlement not believed, the last good one stays (one line a second)",
                 {{"account", account}, {"reason", reason}});
}

}  // namespace holdfast::middleware
