// What billing says of an account, as it is published, answered and kept: derived from what the
// database holds, serialized once, signed with those bytes.
#pragma once

#include <string>

#include "libs/security/key_set.h"
#include "services/billing/domain/entitlement.h"

namespace holdfast::billing {

// A serialized v1.Entitlement with `signed_copy` set; without it if `keys` hold no secret. The
// plain fields beside it are for readers that do not verify.
std::string Snapshot(const Facts& facts, const TimeZone& zone, const security::KeySet& keys);

}  // namespace holdfast::billing
