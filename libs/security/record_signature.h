// Records that one service signs (Ed25519) and others believe without asking it: the bytes of the
// record travel as they were signed, beside the id of the key and the signature.
//
// Signed is "<purpose>\n<key id>\n<record>". A purpose holds a space and a key id does not, so that
// no signature of another purpose, and none of a token ("<key id>.<payload>"), passes for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libs/security/key_set.h"

namespace holdfast::security {

// billing.v1.SignedEntitlement: what billing says of an account.
inline constexpr std::string_view kEntitlementPurpose = "holdfast entitlement 1";

struct RecordSignature {
  std::string key_id;
  std::string bytes;
};

enum class RecordVerdict {
  kGood,
  kUnsigned,    // neither key id nor signature
  kUnknownKey,  // none of ours: a rotation in the wrong order, or no key of the signer's
  kForged,      // the key is known, and it did not sign this record
};

// With the key that signs; nothing if `keys` hold no secret. About 37 us.
std::optional<RecordSignature> SignRecord(std::string_view purpose, std::string_view record,
                                          const KeySet& keys);

// What can be told without the cost of a verification: kGood means that it may be good.
RecordVerdict LooksSigned(const RecordSignature& signature, const KeySet& keys);

// About 99 us.
RecordVerdict VerifyRecord(std::string_view purpose, std::string_view record,
                           const RecordSignature& signature, const KeySet& keys);

}  // namespace holdfast::security
