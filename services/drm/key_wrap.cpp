#include "services/drm/key_wrap.h"

#include <openssl/evp.h>

#include <memory>

#include "libs/base/check.h"
#include "libs/base/status.h"

namespace holdfast::drm {
namespace {

constexpr std::size_t kKekBytes = 32;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Context MakeContext() {
  Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  return context;
}

}  // namespace

std::string WrapKey(std::string_view kek, std::string_view key) {
  HOLDFAST_CHECK(kek.size() == kKekBytes && key.size() >= 16 && key.size() % 8 == 0);
  const Context context = MakeContext();
  std::string wrapped(key.size() + 8, '\0');
  int size = 0;
  const bool done =
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_wrap(), nullptr, Bytes(kek), nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), reinterpret_cast<unsigned char*>(wrapped.data()), &size,
                        Bytes(key), static_cast<int>(key.size())) == 1;
  HOLDFAST_CHECK(done && static_cast<std::size_t>(size) == wrapped.size());
  return wrapped;
}

absl::StatusOr<std::string> UnwrapKey(std::string_view kek, std::string_view wrapped) {
  HOLDFAST_CHECK(kek.size() == kKekBytes);
  if (wrapped.size() < 24 || wrapped.size() > 1024 || wrapped.size() % 8 != 0) {
    return DataLoss("{} bytes are no wrapped key", wrapped.size());
  }
  const Context context = MakeContext();
  std::string key(wrapped.size(), '\0');
  int size = 0;
  const bool done =
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_wrap(), nullptr, Bytes(kek), nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), reinterpret_cast<unsigned char*>(key.data()), &size,
                        Bytes(wrapped), static_cast<int>(wrapped.size())) == 1;
  if (!done || static_cast<std::size_t>(size) != wrapped.size() - 8) {
    return DataLoss("the key was wrapped with another KEK or is damaged");
  }
  key.resize(static_cast<std::size_t>(size));
  return key;
}

}  // namespace holdfast::drm
