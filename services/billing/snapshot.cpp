#include "services/billing/snapshot.h"

#include <optional>
#include <utility>

#include "libs/security/record_signature.h"
#include "services/billing/convert.h"

namespace holdfast::billing {

std::string Snapshot(const Facts& facts, const TimeZone& zone, const security::KeySet& keys) {
  std::string plain = ToProto(DeriveEntitlement(facts, zone)).SerializeAsString();
  std::optional<security::RecordSignature> signature =
      security::SignRecord(security::kEntitlementPurpose, plain, keys);
  if (!signature) return plain;
  v1::Entitlement with;  // appended to the plain fields, it is one message with them
  with.mutable_signed_copy()->set_entitlement(plain);
  with.mutable_signed_copy()->set_key_id(std::move(signature->key_id));
  with.mutable_signed_copy()->set_signature(std::move(signature->bytes));
  return plain + with.SerializeAsString();
}

}  // namespace holdfast::billing
