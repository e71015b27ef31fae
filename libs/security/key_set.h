// Keys with rotation: the newest active one signs, all that are not retired verify.
//
// On disk: one file per key, named <key id>.key, holding 64 hex digits (32 bytes: an Ed25519 seed
// or an HMAC key); a public key is <key id>.pub. The key with the greatest id signs. Ids sort by
// age: "2026-01" < "2026-02", and are made of letters, digits, '-' and '_'. A key is retired by
// removing its files. Other files are ignored.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/base/string_map.h"
#include "libs/security/hmac.h"

namespace holdfast::security {

// Immutable once made; share it. Never prints its content.
class KeySet {
 public:
  KeySet() = default;  // no keys: signs nothing, verifies nothing

  // NOT_FOUND: no key in the folder. INVALID_ARGUMENT names the file that is not a key.
  static absl::StatusOr<KeySet> Load(const std::string& folder);
  static KeySet ForTest(std::string_view key_id, std::string_view secret32);

  const std::string& signing_key_id() const { return signing_key_id_; }  // "" if only public keys
  // 32 bytes; null if unknown.
  const std::string* secret(std::string_view key_id) const { return Find(secrets_, key_id); }
  const std::string* public_key(std::string_view key_id) const {
    return Find(public_keys_, key_id);
  }

  // What signing needs, made once per key: libsodium's 64-byte Ed25519 key, and the HMAC state.
  const std::string* ed25519_key(std::string_view key_id) const { return Find(ed25519_, key_id); }
  const HmacKey* hmac_key(std::string_view key_id) const { return Find(hmac_, key_id); }

 private:
  void AddSecret(std::string_view key_id, std::string_view secret32);

  StringMap<std::string> secrets_;
  StringMap<std::string> ed25519_;
  StringMap<HmacKey> hmac_;
  StringMap<std::string> public_keys_;  // Ed25519; derived from secrets where those are held
  std::string signing_key_id_;
};

// Writes <folder>/<key_id>.key with a new random secret (mode 0600) and its .pub; makes the folder.
// ALREADY_EXISTS, INVALID_ARGUMENT for an id that cannot be one.
absl::Status CreateKey(const std::string& folder, std::string_view key_id);

}  // namespace holdfast::security
