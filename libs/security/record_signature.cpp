#include "libs/security/record_signature.h"

#include <sodium.h>

#include "libs/security/hmac.h"

namespace holdfast::security {
namespace {

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string Covered(std::string_view purpose, std::string_view key_id, std::string_view record) {
  std::string covered;
  covered.reserve(purpose.size() + key_id.size() + record.size() + 2);
  return covered.append(purpose).append("\n").append(key_id).append("\n").append(record);
}

}  // namespace

std::optional<RecordSignature> SignRecord(std::string_view purpose, std::string_view record,
                                          const KeySet& keys) {
  const std::string& key_id = keys.signing_key_id();
  const std::string* key = keys.ed25519_key(key_id);
  if (key == nullptr) return std::nullopt;
  const std::string covered = Covered(purpose, key_id, record);
  RecordSignature signature{key_id, std::string(crypto_sign_BYTES, '\0')};
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.bytes.data()), nullptr,
                       Bytes(covered), covered.size(), Bytes(*key));
  return signature;
}

RecordVerdict LooksSigned(const RecordSignature& signature, const KeySet& keys) {
  if (signature.key_id.empty() && signature.bytes.empty()) return RecordVerdict::kUnsigned;
  if (keys.public_key(signature.key_id) == nullptr) return RecordVerdict::kUnknownKey;
  if (signature.bytes.size() != crypto_sign_BYTES) return RecordVerdict::kForged;
  return RecordVerdict::kGood;
}

RecordVerdict VerifyRecord(std::string_view purpose, std::string_view record,
                           const RecordSignature& signature, const KeySet& keys) {
  const RecordVerdict looks = LooksSigned(signature, keys);
  if (looks != RecordVerdict::kGood) return looks;
  InitSodium();  // a set of public keys has not needed it yet
  const std::string covered = Covered(purpose, signature.key_id, record);
  const std::string& key = *keys.public_key(signature.key_id);
  const bool good = crypto_sign_verify_detached(Bytes(signature.bytes), Bytes(covered),
                                                covered.size(), Bytes(key)) == 0;
  return good ? RecordVerdict::kGood : RecordVerdict::kForged;
}

}  // namespace holdfast::security
