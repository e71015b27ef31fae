#include "libs/security/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::security {
namespace {

using test::HasCode;
using test::IsOk;

std::shared_ptr<X509> Parse(const std::string& pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), -1), &BIO_free);
  return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free};
}

bool ChainIsGood(X509* certificate, X509* ca) {
  const std::shared_ptr<X509_STORE> store(X509_STORE_new(), &X509_STORE_free);
  const std::shared_ptr<X509_STORE_CTX> context(X509_STORE_CTX_new(), &X509_STORE_CTX_free);
  X509_STORE_add_cert(store.get(), ca);
  X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr);
  return X509_verify_cert(context.get()) == 1;
}

class DevelopmentCertificatesTest : public testing::Test {
 protected:
  PemMaterial ReadFor(std::string_view service) {
    auto pem = ReadTlsFiles(TlsFilesIn(dir_.File("tls"), service));
    EXPECT_THAT(pem, IsOk());
    return pem.ok() ? *std::move(pem) : PemMaterial{};
  }
  absl::Status Create() {
    return CreateDevelopmentCertificates(dir_.File("tls"), {"billing", "cdn_routing"});
  }

  test::TempDir dir_;
};

TEST_F(DevelopmentCertificatesTest, EachServiceGetsACertificateForItsName) {
  ASSERT_THAT(Create(), IsOk());
  for (const std::string service : {"billing", "cdn_routing"}) {
    const PemMaterial pem = ReadFor(service);
    const auto certificate = Parse(pem.certificate);
    const auto ca = Parse(pem.ca);
    ASSERT_TRUE(certificate && ca);
    EXPECT_TRUE(ChainIsGood(certificate.get(), ca.get()));
    const std::string name = TlsNameOf(service);
    EXPECT_EQ(X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr), 1);
    EXPECT_EQ(X509_check_host(certificate.get(), "localhost", 9, 0, nullptr), 1);
    EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0), 1);
    EXPECT_EQ(X509_check_host(certificate.get(), "epg.holdfast.internal", 21, 0, nullptr), 0);
  }
}

TEST_F(DevelopmentCertificatesTest, KeysAreForTheirOwnerOnly) {
  ASSERT_THAT(Create(), IsOk());
  for (const std::string_view name : {"tls/ca.key", "tls/billing.key", "tls/cdn_routing.key"}) {
    struct stat info {};
    ASSERT_EQ(stat(dir_.File(name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(DevelopmentCertificatesTest, WhatIsThereAndValidIsKept) {
  ASSERT_THAT(Create(), IsOk());
  const PemMaterial before = ReadFor("billing");
  ASSERT_THAT(Create(), IsOk());
  EXPECT_EQ(ReadFor("billing").certificate, before.certificate);
  EXPECT_EQ(ReadFor("billing").ca, before.ca);

  std::filesystem::remove(dir_.File("tls/billing.key"));
  ASSERT_THAT(Create(), IsOk());
  EXPECT_NE(ReadFor("billing").certificate, before.certificate);
  EXPECT_EQ(ReadFor("billing").ca, before.ca);
}

TEST_F(DevelopmentCertificatesTest, ACertificateOfAnotherAuthorityIsReplaced) {
  ASSERT_THAT(Create(), IsOk());
  std::filesystem::remove(dir_.File("tls/ca.key"));
  ASSERT_THAT(Create(), IsOk());
  const PemMaterial pem = ReadFor("billing");
  EXPECT_TRUE(ChainIsGood(Parse(pem.certificate).get(), Parse(pem.ca).get()));
}

TEST(Tls, AMissingFileIsNamed) {
  const auto pem = ReadTlsFiles(TlsFilesIn("/nowhere", "billing"));
  EXPECT_THAT(pem, HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(pem, test::HasMessage("/nowhere/ca.pem"));
}

TEST(Tls, NamesOfServicesRoundTrip) {
  EXPECT_EQ(TlsNameOf("billing"), "billing.holdfast.internal");
  EXPECT_EQ(ServiceOfTlsName(TlsNameOf("cdn_routing")), "cdn_routing");
  EXPECT_EQ(ServiceOfTlsName("billing.example.com"), "");
  EXPECT_EQ(ServiceOfTlsName("evil.billing.holdfast.internal"), "");
}

}  // namespace
}  // namespace holdfast::security
