// Epochs and KEKs for the tests of drm.
#pragma once

#include <string>
#include <vector>

#include "libs/security/key_set.h"
#include "services/drm/domain/epoch.h"
#include "services/drm/key_wrap.h"
#include "services/drm/store.h"

namespace holdfast::drm {

inline constexpr std::string_view kTestKek = "kek-kek-kek-kek-kek-kek-kek-kek-";

inline security::KeySet TestKeks() { return security::KeySet::ForTest("kek-1", kTestKek); }

// The epoch that begins then; its key says its id.
inline StoredEpoch TestEpoch(std::int64_t id, WallTime valid_from) {
  std::string key = std::to_string(id);
  key.resize(32, '.');
  return {.id = EpochId(id),
          .valid_from = valid_from,
          .kek_id = "kek-1",
          .wrapped_key = WrapKey(kTestKek, key)};
}

}  // namespace holdfast::drm
