// What an instance keeps of what billing said about an account, and when it believes it.
//
//   told by billing or its feed --Open--> Statement --Offer--> kept as "offered": verified at its
//     first use (Judge), because a feed tells of many accounts that nobody here asks for
//   answered by billing --Verify, Believe--> kept as "believed" at once: somebody waits for it
//   read from disk --Judge at its first use--> "believed" if sealed, or else if well signed
//
// What is believed is sealed with a key of our own: a rotation of billing's keys in a wrong order
// makes what is new a failed read, and never takes away what was believed before. An older revision
// never takes the place of what is believed. Where no keys of billing's are configured, nothing has
// to be signed and everything that can be read is believed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/base/shared_bytes.h"
#include "libs/security/key_folder.h"
#include "libs/security/record_signature.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::middleware {

// One statement about an account.
struct Statement {
  v1::KeptEntitlement::Snapshot bytes;
  billing::v1::Entitlement entitlement;  // what stands in them
};

// What is to be kept of an account after its record was judged.
struct Judged {
  SharedBytes kept;                      // null: there was nothing to believe
  billing::v1::Entitlement entitlement;  // what is believed, unless `kept` is null
  bool refused = false;  // something was not believed: billing should be asked again
};

// Thread-safe: no state but counters. The keys must outlive it.
class EntitlementRecords {
 public:
  EntitlementRecords(const security::KeyFolder& billing_keys, const security::KeySet& portal_keys,
                     telemetry::Metrics& metrics);

  // What was told, without the cost of a verification. DATA_LOSS, counted: it cannot be read, is of
  // another account, or is not signed as it must be.
  absl::StatusOr<Statement> Open(std::string_view account, std::string_view told);
  // DATA_LOSS, counted: its signature is not good. About 99 us.
  absl::Status Verify(std::string_view account, const Statement& statement);

  // The record after `held` (null: none). Null: it stays as it is, for what is held is newer. Where
  // an offer in it has a greater revision, judge that first: it may be forged.
  SharedBytes Offer(std::string_view account, const SharedBytes& held, const Statement& statement);
  // The same with a statement that is good. Never null.
  SharedBytes Believe(std::string_view account, const SharedBytes& held,
                      const Statement& statement);

  // Decides on what is held: verifies what is offered, and whether what is believed is still so.
  Judged Judge(std::string_view account, const SharedBytes& held);

  // What `held` is believed to say or, of a record that was not judged yet, claims to.
  static billing::v1::Entitlement Claimed(const SharedBytes& held);
  // Whether an offer of a greater revision in it waits for its first use.
  static bool OffersNewer(const SharedBytes& held, std::uint64_t revision);

 private:
  enum class Refusal { kMissing, kUnknownKey, kForged, kDamaged, kOtherAccount, kOlder };

  bool must_be_signed() const { return billing_keys_.configured(); }
  void Count(Refusal why, std::string_view account);
  absl::Status Refuse(Refusal why, std::string_view account);
  absl::Status RefuseUnless(security::RecordVerdict verdict, std::string_view account);
  absl::Status Check(std::string_view account, const v1::KeptEntitlement::Snapshot& snapshot);
  bool Believable(std::string_view account, const v1::KeptEntitlement& record);
  bool IsSealed(std::string_view account, const v1::KeptEntitlement& record) const;
  SharedBytes Sealed(std::string_view account, v1::KeptEntitlement record) const;

  const security::KeyFolder& billing_keys_;
  const security::KeySet& portal_keys_;
  std::vector<telemetry::Counter> refused_;  // by Refusal
  telemetry::Counter verified_;
};

}  // namespace holdfast::middleware
