#include "libs/security/key_set.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <span>

#include "libs/base/check.h"
#include "libs/base/encoding.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/security/secret_file.h"

namespace holdfast::security {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kMaxIdBytes = 64;
static_assert(crypto_sign_SEEDBYTES == kKeyBytes && crypto_sign_PUBLICKEYBYTES == kKeyBytes);

bool IsKeyId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

struct Ed25519Pair {
  std::string public_key;
  std::string secret_key;  // seed and public key, libsodium's form
};

Ed25519Pair PairOf(std::string_view seed) {
  InitSodium();
  HOLDFAST_CHECK(seed.size() == kKeyBytes);
  Ed25519Pair pair{std::string(crypto_sign_PUBLICKEYBYTES, '\0'),
                   std::string(crypto_sign_SECRETKEYBYTES, '\0')};
  crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(pair.public_key.data()),
                           reinterpret_cast<unsigned char*>(pair.secret_key.data()),
                           reinterpret_cast<const unsigned char*>(seed.data()));
  return pair;
}

absl::StatusOr<std::string> ReadKey(const fs::path& path) {
  if (!IsKeyId(path.stem().string())) {
    return InvalidArgument("{}: the name is not a key id", path.string());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadTrimmedSecret(path.string()));
  std::optional<std::string> key = FromHex(text);
  if (!key || key->size() != kKeyBytes) {
    return InvalidArgument("{}: a key is 64 hex digits", path.string());
  }
  return *std::move(key);
}

}  // namespace

void KeySet::AddSecret(std::string_view key_id, std::string_view secret32) {
  Ed25519Pair pair = PairOf(secret32);
  const std::string id(key_id);
  secrets_[id] = std::string(secret32);
  public_keys_[id] = std::move(pair.public_key);
  ed25519_[id] = std::move(pair.secret_key);
  hmac_.insert_or_assign(id, HmacKey(secret32));
  signing_key_id_ = std::max(signing_key_id_, id);
}

absl::StatusOr<KeySet> KeySet::Load(const std::string& folder) {
  KeySet keys;
  std::error_code error;
  std::vector<fs::path> public_files;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    if (path.extension() == ".pub") public_files.push_back(path);
    if (path.extension() != ".key") continue;
    HOLDFAST_ASSIGN_OR_RETURN(const std::string secret, ReadKey(path));
    keys.AddSecret(path.stem().string(), secret);
  }
  if (error) return NotFound("{}: {}", folder, error.message());

  for (const fs::path& path : public_files) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string key, ReadKey(path));
    const std::string id = path.stem().string();
    if (const std::string* derived = keys.public_key(id); derived != nullptr && *derived != key) {
      return InvalidArgument("{}: does not belong to the secret beside it", path.string());
    }
    keys.public_keys_[id] = key;
  }
  if (keys.public_keys_.empty()) return NotFound("{}: holds no key", folder);
  return keys;
}

KeySet KeySet::ForTest(std::string_view key_id, std::string_view secret32) {
  HOLDFAST_CHECK(IsKeyId(key_id));
  KeySet keys;
  keys.AddSecret(key_id, secret32);
  return keys;
}

absl::Status CreateKey(const std::string& folder, std::string_view key_id) {
  if (!IsKeyId(key_id)) return InvalidArgument("{} is not a key id", key_id);
  std::error_code error;
  fs::create_directories(folder, error);
  const std::string stem = folder + "/" + std::string(key_id);
  if (fs::exists(stem + ".key", error) || fs::exists(stem + ".pub", error)) {
    return AlreadyExists("key {} exists in {}", key_id, folder);
  }
  std::array<std::uint8_t, kKeyBytes> seed;
  SecureBytes(seed);
  const std::string_view secret(reinterpret_cast<const char*>(seed.data()), seed.size());
  HOLDFAST_RETURN_IF_ERROR(
      WriteSecretFile(stem + ".key", ToHex(secret) + "\n", FileAccess::kOwnerOnly));
  return WriteSecretFile(stem + ".pub", ToHex(PairOf(secret).public_key) + "\n",
                         FileAccess::kEveryoneReads);
}

}  // namespace holdfast::security
