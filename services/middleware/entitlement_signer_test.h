// Billing's side of signed entitlements, for tests: a key, its public half in a folder, and what
// billing would tell.
#pragma once

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/encoding.h"
#include "libs/security/key_set.h"
#include "libs/security/record_signature.h"

namespace holdfast::middleware {

inline security::KeySet SignerForTest(std::string_view key_id, char secret = 's') {
  return security::KeySet::ForTest(key_id, std::string(32, secret));
}

// As an operator puts it there: under `as`, if it is not to have its own id.
inline void PutPublicKey(const security::KeySet& keys, const std::string& folder,
                         std::string_view as = "") {
  const std::string id(as.empty() ? keys.signing_key_id() : as);
  std::ofstream(folder + "/" + id + ".pub") << ToHex(*keys.public_key(keys.signing_key_id()));
}

struct ToldOptions {
  std::uint64_t revision = 1;
  std::vector<std::string> packages = {"basic"};
  int max_devices = 0;
};

inline std::string PlainEntitlement(const std::string& account, const ToldOptions& options) {
  billing::v1::Entitlement entitlement;
  entitlement.set_account_id(account);
  entitlement.set_revision(options.revision);
  entitlement.set_status(billing::v1::Entitlement::STATUS_ACTIVE);
  for (const std::string& id : options.packages) entitlement.add_package_ids(id);
  entitlement.set_max_devices(options.max_devices);
  entitlement.set_full_name("Ada of " + account);
  return entitlement.SerializeAsString();
}

// `plain` with its signature, as billing's snapshot.cpp makes it.
inline std::string Signed(const std::string& plain, const security::KeySet& keys) {
  const auto signature = *security::SignRecord(security::kEntitlementPurpose, plain, keys);
  billing::v1::Entitlement with;
  with.mutable_signed_copy()->set_entitlement(plain);
  with.mutable_signed_copy()->set_key_id(signature.key_id);
  with.mutable_signed_copy()->set_signature(signature.bytes);
  return plain + with.SerializeAsString();
}

inline std::string Told(const std::string& account, const ToldOptions& options,
                        const security::KeySet& keys) {
  return Signed(PlainEntitlement(account, options), keys);
}

}  // namespace holdfast::middleware
