// A portal that wants entitlements signed: what boxes see of keys that are wrong, late or gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "services/middleware/entitlement_signer_test.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using test::IsOk;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class EntitlementKeysTest : public testing::Test {
 protected:
  void SetUp() override {
    PutPublicKey(january_, keys_.path());
    Start();
  }

  // With what is on its disk, and everything else that a box needs.
  void Start() {
    box_.reset();
    box_ = std::make_unique<PortalFixture>(
        FixtureOptions{.data_dir = data_.path(), .entitlement_keys = keys_.path()});
    box_->HaveUsualLineup();
    box_->HaveDevice();
    box_->HaveEdges();
    told_ = 0;
  }
  void Restart() {
    ASSERT_THAT(box_->RunJob("save_entitlements"), IsOk());
    Start();
  }
  void Tell(const std::string& account, const std::string& told) {
    replica::ReplicaBase& feed = box_->portal().entitlements().feed();
    if (told_ == 0) {
      ASSERT_THAT(feed.Apply({.kind = replica::Update::Kind::kReset, .epoch = "test"}), IsOk());
    }
    ASSERT_THAT(feed.Apply({.kind = replica::Update::Kind::kDelta,
                            .epoch = "test",
                            .revision = ++told_,
                            .items = {{account, MakeShared(told)}}}),
                IsOk());
  }
  void TellSport(std::uint64_t revision, const security::KeySet& keys) {
    Tell("acc-1", Told("acc-1", {.revision = revision, .packages = {"basic", "sport"}}, keys));
  }
  std::uint64_t Revision(const std::string& account = "acc-1") {
    const SharedEntitlement known = box_->portal().entitlements().Peek(AccountId(account));
    return known == nullptr ? 0 : known->revision;
  }
  bool Plays(int channel) {
    const BoxAnswer answer = box_->Call("itv", "create_link", "cmd=/ch/" + std::to_string(channel));
    if (answer.body == "Access denied.") return false;
    return answer.Js().value("cmd", "").starts_with("ffmpeg http");
  }
  int Count(const std::string& sample) {
    const std::string page = box_->metrics().Scrape();
    const std::size_t at = page.find("\n" + sample);
    return at == std::string::npos ? 0 : std::atoi(page.c_str() + at + 1 + sample.size());
  }
  int Verified() { return Count("holdfast_middleware_entitlements_verified_total "); }
  int Refused(const std::string& reason) {
    return Count("holdfast_middleware_entitlements_refused_total{reason=\"" + reason + "\"} ");
  }

  const security::KeySet january_ = SignerForTest("2026-01", 'j');
  const security::KeySet february_ = SignerForTest("2026-02", 'f');
  test::TempDir keys_, data_;
  std::unique_ptr<PortalFixture> box_;
  std::uint64_t told_ = 0;
};

TEST_F(EntitlementKeysTest, AZapVerifiesOncePerRevisionAndTheTokenCarriesIt) {
  TellSport(5, january_);
  EXPECT_EQ(Verified(), 0);
  box_->LogIn();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Plays(3));
  EXPECT_EQ(Verified(), 1);
  EXPECT_EQ(box_->Call("stb", "get_profile").Js()["fname"], "Ada of acc-1");
  EXPECT_EQ(Verified(), 1);
  const std::string token = box_->token;

  // An instance that knows nothing honours what the token says.
  test::TempDir empty;
  PortalFixture other({.data_dir = empty.path(), .entitlement_keys = keys_.path()});
  other.HaveUsualLineup();
  other.HaveDevice();
  other.HaveEdges();
  other.token = token;
  EXPECT_THAT(other.Zap(3), StartsWith("ffmpeg http"));

  TellSport(6, january_);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Plays(3));
  EXPECT_EQ(Verified(), 2);
}

TEST_F(EntitlementKeysTest, ConcurrentFirstUsesVerifyOnce) {
  TellSport(5, january_);
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) callers.emplace_back([this] { EXPECT_EQ(Revision(), 5u); });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(Verified(), 1);
}

TEST_F(EntitlementKeysTest, WhatNobodyUsesCostsNoVerification) {
  replica::Update update{.kind = replica::Update::Kind::kDelta, .epoch = "test", .revision = 2};
  for (int i = 0; i < 1000; ++i) {
    const std::string account = "many-" + std::to_string(i);
    update.items.emplace_back(account, MakeShared(Told(account, {.revision = 2}, january_)));
  }
  Tell("acc-1", Told("acc-1", {.revision = 1}, january_));
  ASSERT_THAT(box_->portal().entitlements().feed().Apply(update), IsOk());
  EXPECT_EQ(box_->portal().entitlements().size(), 1001u);
  EXPECT_EQ(Verified(), 0);
  EXPECT_EQ(Revision("many-7"), 2u);
  EXPECT_EQ(Verified(), 1);
}

TEST_F(EntitlementKeysTest, AForgedBlockCutsNobodyOff) {
  TellSport(5, january_);
  box_->LogIn();
  ASSERT_TRUE(Plays(3));
  billing::v1::Entitlement block;
  block.set_account_id("acc-1");
  block.set_revision(9);
  block.set_status(billing::v1::Entitlement::STATUS_SUSPENDED);
  Tell("acc-1", block.SerializeAsString());                     // unsigned
  Tell("acc-1", Signed(block.SerializeAsString(), february_));  // by a stranger
  std::string forged = Signed(block.SerializeAsString(), january_);
  forged.back() = static_cast<char>(forged.back() ^ 1);
  Tell("acc-1", forged);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Plays(3));
  EXPECT_EQ(Refused("missing"), 1);
  EXPECT_EQ(Refused("unknown_key"), 1);
  EXPECT_EQ(Refused("forged"), 1);
  Tell("acc-1", Signed(block.SerializeAsString(), january_));
  EXPECT_FALSE(Plays(3));
}

TEST_F(EntitlementKeysTest, ABadItemHoldsNoOtherUp) {
  TellSport(1, january_);
  ASSERT_THAT(box_->portal().entitlements().feed().Apply(
                  {.kind = replica::Update::Kind::kDelta,
                   .epoch = "test",
                   .revision = 2,
                   .items = {{"a", MakeShared("\xff\xff")},
                             {"b", MakeShared(Told("c", {.revision = 2}, january_))},
                             {"d", MakeShared(Told("d", {.revision = 2}, january_))}}}),
              IsOk());
  EXPECT_EQ(Revision("a"), 0u);
  EXPECT_EQ(Revision("b"), 0u);
  EXPECT_EQ(Revision("d"), 2u);
}

TEST_F(EntitlementKeysTest, AForgedRevisionDoesNotKeepTheRightOneOut) {
  TellSport(5, january_);
  std::string forged = Told("acc-1", {.revision = ~0ull}, january_);
  forged.back() = static_cast<char>(forged.back() ^ 1);
  Tell("acc-1", forged);
  TellSport(6, january_);
  EXPECT_EQ(Revision(), 6u);
  TellSport(4, january_);  // what was overheard earlier
  EXPECT_EQ(Revision(), 6u);
  EXPECT_EQ(Refused("older"), 1);
}

TEST_F(EntitlementKeysTest, ARestartWithAWrongKeyServesWhatWasThere) {
  TellSport(5, january_);
  box_->LogIn();
  ASSERT_TRUE(Plays(3));
  const std::string token = box_->token;
  PutPublicKey(february_, keys_.path(), "2026-01");
  Restart();
  EXPECT_EQ(Revision(), 5u);
  box_->token = token;
  EXPECT_TRUE(Plays(3));
  Tell("acc-1", Told("acc-1", {.revision = 6, .packages = {}}, january_));
  EXPECT_TRUE(Plays(3));
  EXPECT_EQ(Refused("forged"), 1);
}

TEST_F(EntitlementKeysTest, WhatWasNeverUsedIsVerifiedAfterTheRestart) {
  TellSport(5, january_);
  Restart();
  EXPECT_EQ(Verified(), 0);
  EXPECT_EQ(Revision(), 5u);
  EXPECT_EQ(Verified(), 1);
  Restart();
  EXPECT_EQ(Revision(), 5u);  // sealed
  EXPECT_EQ(Verified(), 0);
}

TEST_F(EntitlementKeysTest, WhatWasNeverUsedIsNotBelievedAfterARestartWithAWrongKey) {
  TellSport(5, january_);
  PutPublicKey(february_, keys_.path(), "2026-01");
  Restart();
  EXPECT_EQ(Revision(), 0u);
  EXPECT_EQ(Refused("forged"), 1);
  PutPublicKey(january_, keys_.path());
  ASSERT_THAT(box_->RunJob("entitlement_keys"), IsOk());
  TellSport(5, january_);
  EXPECT_EQ(Revision(), 5u);
}

TEST_F(EntitlementKeysTest, ANewKeyIsTakenWithoutARestartAndABrokenFolderChangesNothing) {
  TellSport(5, january_);
  EXPECT_EQ(Revision(), 5u);
  TellSport(6, february_);
  EXPECT_EQ(Revision(), 5u);
  PutPublicKey(february_, keys_.path());
  ASSERT_THAT(box_->RunJob("entitlement_keys"), IsOk());
  TellSport(7, february_);
  EXPECT_EQ(Revision(), 7u);
  std::ofstream(keys_.File("2026-03.pub")) << "half a k";
  EXPECT_THAT(box_->RunJob("entitlement_keys"), test::HasMessage("2026-03.pub"));
  TellSport(8, february_);
  EXPECT_EQ(Revision(), 8u);
}

TEST_F(EntitlementKeysTest, BoxesLeaveAnAccountByWhatIsBelieved) {
  const auto shrunk = [this] { return box_->portal().entitlements().TakeShrunk(); };
  Tell("acc-1", Told("acc-1", {.revision = 5, .max_devices = 5}, january_));
  EXPECT_EQ(shrunk().size(), 1u);
  std::string forged = Told("acc-1", {.revision = 6, .max_devices = 1}, january_);
  forged.back() = static_cast<char>(forged.back() ^ 1);
  Tell("acc-1", forged);
  const auto after = shrunk();
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].second, 5);
  Tell("acc-1", Told("acc-1", {.revision = 6, .max_devices = 2}, january_));
  const auto right = shrunk();
  ASSERT_EQ(right.size(), 1u);
  EXPECT_EQ(right[0].second, 2);
}

// The release before this one kept what billing told as it was.
TEST_F(EntitlementKeysTest, TheFileOfTheReleaseBeforeIsRead) {
  {
    telemetry::Metrics metrics;
    replica::StaleCache before(
        {.name = "entitlements", .file = data_.File("entitlements.cache")}, box_->clock(), metrics,
        [](std::string_view, Deadline) { return absl::UnavailableError("away"); },
        [](std::function<void()>) { return false; });
    before.Put("acc-1", MakeShared(Told("acc-1", {.revision = 5}, january_)));
    before.Put("acc-2", MakeShared(PlainEntitlement("acc-2", {.revision = 5})));
    ASSERT_THAT(before.SaveToDisk(), IsOk());
  }
  Start();
  EXPECT_EQ(Revision("acc-1"), 5u);
  EXPECT_EQ(Revision("acc-2"), 0u);  // of a billing that did not sign yet
  EXPECT_EQ(Refused("missing"), 1);
}

TEST_F(EntitlementKeysTest, AFolderWithoutKeysStopsTheStart) {
  test::TempDir empty;
  Config config;
  ASSERT_THAT(security::CreateKey(empty.File("portal"), "k1"), IsOk());
  config.portal_keys = empty.File("portal");
  config.play_keys = empty.File("portal");
  config.entitlement_keys = empty.File("nothing");
  EXPECT_THAT(Keys::Load(config), test::HasMessage("entitlement_keys"));
}

}  // namespace
}  // namespace holdfast::middleware
