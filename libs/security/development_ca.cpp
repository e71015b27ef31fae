// The certificate authority of a developer's machine. Production brings its own.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <memory>

#include "libs/base/free_with.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/security/secret_file.h"
#include "libs/security/tls.h"
#include "libs/security/x509.h"

namespace holdfast::security {
namespace {

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;

constexpr long kYearSeconds = 365L * 24 * 3600;
constexpr long kCaSeconds = 10 * kYearSeconds;

struct Issued {
  CertificatePtr certificate;
  KeyPtr key;
};

// Both files, if they are there, belong together and are valid now.
Issued Read(const std::string& certificate_path, const std::string& key_path) {
  const absl::StatusOr<std::string> certificate_pem = ReadSecretFile(certificate_path);
  const absl::StatusOr<std::string> key_pem = ReadSecretFile(key_path);
  if (!certificate_pem.ok() || !key_pem.ok()) return {};
  const BioPtr certificate_bio(BIO_new_mem_buf(certificate_pem->data(), -1));
  const BioPtr key_bio(BIO_new_mem_buf(key_pem->data(), -1));
  Issued issued{CertificatePtr(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr)),
                KeyPtr(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr))};
  if (issued.certificate == nullptr || issued.key == nullptr) return {};
  const bool valid = X509_cmp_current_time(X509_get0_notBefore(issued.certificate.get())) < 0 &&
                     X509_cmp_current_time(X509_get0_notAfter(issued.certificate.get())) > 0 &&
                     X509_check_private_key(issued.certificate.get(), issued.key.get()) == 1;
  return valid ? std::move(issued) : Issued{};
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// An unsigned certificate for a new P-256 key.
Issued Prepare(const std::string& common_name, long valid_seconds) {
  Issued issued{CertificatePtr(X509_new()), KeyPtr(EVP_EC_gen("P-256"))};
  X509* certificate = issued.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), SecureSeed() >> 1);
  // An hour back: machines whose clocks differ a little must still trust each other.
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_seconds);
  X509_set_pubkey(certificate, issued.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  return issued;
}

absl::Status Save(const Issued& issued, const std::string& certificate_path,
                  const std::string& key_path) {
  HOLDFAST_RETURN_IF_ERROR(
      WriteSecretFile(key_path, PemOf(issued.key.get()), FileAccess::kOwnerOnly));
  return WriteSecretFile(certificate_path, PemOf(issued.certificate.get()),
                         FileAccess::kEveryoneReads);
}

absl::StatusOr<Issued> MakeAuthority() {
  Issued ca = Prepare("Holdfast development CA", kCaSeconds);
  X509* certificate = ca.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  const bool made =
      AddExtension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      AddExtension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      AddExtension(certificate, certificate, NID_subject_key_identifier, "hash") &&
      X509_sign(certificate, ca.key.get(), EVP_sha256()) > 0;
  if (!made) return Internal("cannot make the certificate authority");
  return ca;
}

absl::StatusOr<Issued> MakeFor(std::string_view service, const Issued& ca) {
  const std::string name = TlsNameOf(service);
  Issued issued = Prepare(name, kYearSeconds);
  X509* certificate = issued.certificate.get();
  X509* issuer = ca.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  const bool made = AddExtension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                    AddExtension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
                    AddExtension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
                    AddExtension(certificate, issuer, NID_subject_alt_name,
                                 "DNS:" + name + ",DNS:localhost,IP:127.0.0.1") &&
                    AddExtension(certificate, issuer, NID_subject_key_identifier, "hash") &&
                    AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
                    X509_sign(certificate, ca.key.get(), EVP_sha256()) > 0;
  if (!made) return Internal("cannot make a certificate for {}", service);
  return issued;
}

bool IssuedBy(const Issued& issued, const Issued& ca) {
  return X509_verify(issued.certificate.get(), ca.key.get()) == 1;
}

}  // namespace

absl::Status CreateDevelopmentCertificates(const std::string& folder,
                                           const std::vector<std::string>& services) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const TlsFiles ca_files = TlsFilesIn(folder, "ca");
  Issued ca = Read(ca_files.certificate, ca_files.key);
  if (ca.certificate == nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(ca, MakeAuthority());
    HOLDFAST_RETURN_IF_ERROR(Save(ca, ca_files.certificate, ca_files.key));
  }
  for (const std::string& service : services) {
    const TlsFiles files = TlsFilesIn(folder, service);
    const Issued present = Read(files.certificate, files.key);
    if (present.certificate != nullptr && IssuedBy(present, ca)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const Issued issued, MakeFor(service, ca));
    HOLDFAST_RETURN_IF_ERROR(Save(issued, files.certificate, files.key));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::security
