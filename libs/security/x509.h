// OpenSSL's keys and certificates, owned, and as text.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "libs/base/free_with.h"

namespace holdfast::security {

using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

std::string PemOf(X509* certificate);
std::string PemOf(EVP_PKEY* key);  // not encrypted

}  // namespace holdfast::security
