// The store against a real PostgreSQL.
#include "services/middleware/pg_store.h"

#include <gmock/gmock.h>

#include <span>
#include <thread>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;
using test::TestPostgres;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Mac kMac = *Mac::Parse("00:1A:79:12:34:56");
const Mac kOther = *Mac::Parse("00:1A:79:12:34:57");
const Mac kThird = *Mac::Parse("00:1A:79:12:34:58");
const AccountId kAccount("acc-1");

Deadline Soon() { return Deadline::After(10s); }

class PgStoreTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(storage::Migrate(pool_, Migrations(), Soon()), IsOk()); }

  static std::vector<ChannelId> Ids(std::initializer_list<int> ids) {
    std::vector<ChannelId> result;
    for (const int id : ids) result.emplace_back(id);
    return result;
  }

  static DeviceBinding Binding(const Mac& mac, int max_devices = 0) {
    return {.mac = mac,
            .account = kAccount,
            .chosen_token_hash = "t1",
            .limit = {.max_devices = max_devices}};
  }

  LineupImport PlanOf(const std::string& names) {
    std::string m3u;
    for (const char name : names) {
      m3u += std::string("#EXTINF:-1 group-title=\"G\" catchup-days=\"1\",") + name +
             "\nhttp://x/live/s-" + name + "/i.m3u8\n";
    }
    const auto stored = store_.LoadLineup(Soon());
    EXPECT_THAT(stored, IsOk());
    const auto plan =
        PlanImport(*stored, ParseM3u(m3u), LargeRemoval::kAllow, FromEpochSeconds(1767348000));
    EXPECT_THAT(plan, IsOk());
    return *plan;
  }

  std::vector<std::string> PresentNames() {
    std::vector<std::string> names;
    const auto stored = store_.LoadLineup(Soon());
    EXPECT_THAT(stored, IsOk());
    for (const Channel& c : stored->channels) {
      if (!c.removed) names.push_back(c.name);
    }
    return names;
  }

  TestPostgres& server_ = TestPostgres::Shared();
  telemetry::Metrics metrics_;
  storage::PgPool pool_{{.hosts = server_.host() + ":" + std::to_string(server_.port()),
                         .database = server_.NewDatabase(),
                         .user = server_.user()},
                        metrics_};
  PgStore store_{pool_};
};

TEST_F(PgStoreTest, ALineupComesBackAsItWasStored) {
  const LineupImport plan = PlanOf("AB");
  ASSERT_THAT(store_.Apply(Soon(), plan), IsOk());
  ASSERT_OK_AND_ASSIGN(const StoredLineup stored, store_.LoadLineup(Soon()));
  EXPECT_EQ(stored.channels, plan.put_channels);
  EXPECT_EQ(stored.genres, plan.put_genres);
  EXPECT_EQ(stored.revision, 1u);
}

TEST_F(PgStoreTest, AnImportDecidedOnAnOlderLineupIsRefusedWhole) {
  const LineupImport first = PlanOf("AB");
  const LineupImport second = PlanOf("CD");
  ASSERT_THAT(store_.Apply(Soon(), first), IsOk());
  EXPECT_THAT(store_.Apply(Soon(), second), HasCode(absl::StatusCode::kAborted));
  EXPECT_THAT(PresentNames(), ElementsAre("A", "B"));
  ASSERT_THAT(store_.Apply(Soon(), PlanOf("B")), IsOk());
  EXPECT_THAT(PresentNames(), ElementsAre("B"));
}

TEST_F(PgStoreTest, GroupsQualityAndMonitoringAreKept) {
  ASSERT_OK_AND_ASSIGN(StoredLineup stored, store_.LoadLineup(Soon()));
  LineupImport plan;
  plan.based_on = stored.revision;
  plan.put_genres = {{GenreId(71), "g71"}, {GenreId(72), "g72"}, {GenreId(73), "g73"}};
  Channel channel;
  channel.id = ChannelId(700);
  channel.number = 700;
  channel.name = "Seven HD";
  channel.genre = GenreId(72);
  channel.other_genres = {GenreId(73), GenreId(71)};
  channel.directory = "live/seven";
  channel.package = PackageId("basic");
  channel.hd = true;
  channel.monitoring = {.down = true, .changed_at = 1767348000};
  plan.put_channels = {channel};
  ASSERT_THAT(store_.Apply(Soon(), plan), IsOk());
  ASSERT_OK_AND_ASSIGN(stored, store_.LoadLineup(Soon()));
  EXPECT_EQ(*FindStored(stored, ChannelId(700)), channel);
}

TEST_F(PgStoreTest, RegisteringTwiceKeepsTheFirst) {
  ASSERT_OK_AND_ASSIGN(
      const Device first,
      store_.Register(Soon(), {.mac = kMac, .account = kAccount, .model = "MAG250"}));
  ASSERT_OK_AND_ASSIGN(
      const Device second,
      store_.Register(Soon(), {.mac = kMac, .account = AccountId("other"), .model = "MAG322"}));
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.account, kAccount);
  EXPECT_EQ(first.model, "MAG250");
  EXPECT_FALSE(first.started);
}

TEST_F(PgStoreTest, ADeviceMayHaveNoAccount) {
  ASSERT_OK_AND_ASSIGN(const Device device, store_.Register(Soon(), {.mac = kMac}));
  EXPECT_EQ(device.account, AccountId(""));
  ASSERT_OK_AND_ASSIGN(const Device moved, store_.PutDevice(Soon(), kMac, kAccount));
  EXPECT_EQ(moved.account, kAccount);
  EXPECT_EQ(moved.id, device.id);
  EXPECT_EQ(moved.generation, 0u);
  EXPECT_GT(moved.revision, device.revision);
}

TEST_F(PgStoreTest, PuttingADeviceTwiceIsTheSame) {
  ASSERT_OK_AND_ASSIGN(Device first, store_.PutDevice(Soon(), kMac, kAccount));
  ASSERT_OK_AND_ASSIGN(const Device second, store_.PutDevice(Soon(), kMac, kAccount));
  first.revision = second.revision;
  EXPECT_EQ(first, second);
}

TEST_F(PgStoreTest, AnUnknownDeviceIsNotFound) {
  ASSERT_OK_AND_ASSIGN(const std::optional<Device> found, store_.FindDevice(Soon(), kMac));
  EXPECT_FALSE(found.has_value());
  EXPECT_THAT(store_.Revoke(Soon(), kMac), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_.LogOut(Soon(), kMac), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_.RecordStart(Soon(), kMac, {}), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(PgStoreTest, AStartKeepsTheFirstHardwareIdAndTheLastModel) {
  ASSERT_THAT(store_.PutDevice(Soon(), kMac, kAccount), IsOk());
  ASSERT_THAT(
      store_.RecordStart(Soon(), kMac,
                         {.model = "MAG250", .hardware_id = "h1", .chosen_token_hash = "t1"}),
      IsOk());
  ASSERT_OK_AND_ASSIGN(const Device device,
                       store_.RecordStart(Soon(), kMac, {.model = "MAG322", .hardware_id = "h2"}));
  EXPECT_TRUE(device.started);
  EXPECT_EQ(device.model, "MAG322");
  EXPECT_EQ(device.hardware_id, "h1");
  EXPECT_EQ(device.chosen_token_hash, "t1");
}

TEST_F(PgStoreTest, LoggingInBindsAndLoggingOutUnbinds) {
  ASSERT_OK_AND_ASSIGN(const BoundDevice bound, store_.Bind(Soon(), Binding(kMac)));
  const Device& in = bound.device;
  EXPECT_EQ(in.account, kAccount);
  EXPECT_EQ(in.chosen_token_hash, "t1");
  EXPECT_EQ(in.generation, 0u);
  ASSERT_OK_AND_ASSIGN(const Device out, store_.LogOut(Soon(), kMac));
  EXPECT_EQ(out.account, AccountId(""));
  EXPECT_EQ(out.chosen_token_hash, "");
  EXPECT_EQ(out.generation, 1u);
}

TEST_F(PgStoreTest, TheBoxThatJoinedAFullAccountFirstLeavesIt) {
  ASSERT_THAT(store_.Bind(Soon(), Binding(kMac, 2)), IsOk());
  ASSERT_THAT(store_.Bind(Soon(), Binding(kOther, 2)), IsOk());
  ASSERT_THAT(store_.Bind(Soon(), Binding(kMac, 2)), IsOk());  // again: keeps its place
  ASSERT_OK_AND_ASSIGN(const BoundDevice third, store_.Bind(Soon(), Binding(kThird, 2)));
  ASSERT_THAT(third.released, SizeIs(1));
  EXPECT_EQ(third.released[0].mac, kMac.text());
  EXPECT_EQ(third.released[0].account, AccountId(""));
  EXPECT_EQ(third.released[0].generation, 1u);
  ASSERT_OK_AND_ASSIGN(const DevicePage page, store_.ListDevices(Soon(), kAccount, "", 10));
  EXPECT_THAT(page.devices, SizeIs(2));
}

TEST_F(PgStoreTest, ATariffThatShrinksTakesThePlaceOfThoseThatJoinedFirst) {
  for (const Mac& mac : {kMac, kOther, kThird}) {
    ASSERT_THAT(store_.Bind(Soon(), Binding(mac)), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto none, store_.Trim(Soon(), kAccount, 3));
  EXPECT_THAT(none, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto unlimited, store_.Trim(Soon(), kAccount, 0));
  EXPECT_THAT(unlimited, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto left, store_.Trim(Soon(), kAccount, 1));
  ASSERT_THAT(left, SizeIs(2));
  EXPECT_EQ(left[0].mac, kOther.text());
  EXPECT_EQ(left[1].mac, kMac.text());
  EXPECT_EQ(left[1].generation, 1u);  // its tokens open nothing
  ASSERT_OK_AND_ASSIGN(const DevicePage page, store_.ListDevices(Soon(), kAccount, "", 10));
  ASSERT_THAT(page.devices, SizeIs(1));
  EXPECT_EQ(page.devices[0].mac, kThird.text());
}

TEST_F(PgStoreTest, AFullAccountMayRefuseInsteadAndThenNothingChanges) {
  ASSERT_THAT(store_.Bind(Soon(), Binding(kMac, 1)), IsOk());
  DeviceBinding binding = Binding(kOther, 1);
  binding.limit.when_full = DeviceLimit::WhenFull::kRefuse;
  EXPECT_THAT(store_.Bind(Soon(), binding), HasCode(absl::StatusCode::kResourceExhausted));
  ASSERT_OK_AND_ASSIGN(const auto found, store_.FindDevice(Soon(), kOther));
  EXPECT_FALSE(found.has_value());
}

TEST_F(PgStoreTest, TwoBoxesCannotTakeTheLastPlaceTogether) {
  std::vector<std::thread> logins;
  for (int i = 0; i < 8; ++i) {
    logins.emplace_back([this, i] {
      const Mac mac = *Mac::Parse("00:1A:79:00:01:0" + std::to_string(i));
      EXPECT_THAT(store_.Bind(Soon(), Binding(mac, 2)), IsOk());
    });
  }
  for (std::thread& login : logins) login.join();
  ASSERT_OK_AND_ASSIGN(const DevicePage page, store_.ListDevices(Soon(), kAccount, "", 10));
  EXPECT_THAT(page.devices, SizeIs(2));
}

TEST_F(PgStoreTest, EachSettingKeepsItsNewestValue) {
  ASSERT_THAT(store_.PutDevice(Soon(), kMac, kAccount), IsOk());
  ASSERT_THAT(store_.SaveSettings(Soon(), {{kMac.text(), {{"volume", {"10", 200}}}},
                                           {kMac.text(), {{"aspect", {"32", 100}}}},
                                           {"00:1A:79:FF:FF:FF", {{"volume", {"1", 1}}}}}),
              IsOk());
  ASSERT_THAT(store_.SaveSettings(
                  Soon(), {{kMac.text(), {{"volume", {"90", 150}}, {"aspect", {"16", 300}}}}}),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const auto found, store_.FindDevice(Soon(), kMac));
  EXPECT_EQ(found->settings, (BoxSettings{{"volume", {"10", 200}}, {"aspect", {"16", 300}}}));
}

TEST_F(PgStoreTest, ASessionNeverGoesBack) {
  ASSERT_THAT(store_.Bind(Soon(), Binding(kMac)), IsOk());
  ASSERT_THAT(store_.SaveSessions(Soon(), {{kMac.text(), 200}, {kMac.text(), 100}}), IsOk());
  ASSERT_THAT(store_.SaveSessions(Soon(), {{kMac.text(), 150}}), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto found, store_.FindDevice(Soon(), kMac));
  EXPECT_EQ(found->session_since, 200);
  EXPECT_EQ(found->chosen_token_hash, "");
}

TEST_F(PgStoreTest, RevokingRaisesTheGeneration) {
  ASSERT_THAT(store_.Bind(Soon(), Binding(kMac)), IsOk());
  ASSERT_OK_AND_ASSIGN(const Device revoked, store_.Revoke(Soon(), kMac));
  EXPECT_EQ(revoked.generation, 1u);
  EXPECT_EQ(revoked.chosen_token_hash, "");
  EXPECT_EQ(revoked.account, kAccount);
}

TEST_F(PgStoreTest, TheLastWriterOfFavouritesWinsInWhateverOrderWritesCome) {
  ASSERT_THAT(store_.PutDevice(Soon(), kMac, kAccount), IsOk());
  ASSERT_THAT(store_.SaveFavourites(Soon(), {{kMac.text(), Ids({1, 2}), 200}}), IsOk());
  ASSERT_THAT(store_.SaveFavourites(Soon(), {{kMac.text(), Ids({9}), 100}}), IsOk());
  ASSERT_THAT(store_.SaveFavourites(Soon(), {{kMac.text(), Ids({1, 2}), 200}}), IsOk());
  ASSERT_OK_AND_ASSIGN(std::optional<Device> device, store_.FindDevice(Soon(), kMac));
  EXPECT_EQ(device->favourites, Ids({1, 2}));
  ASSERT_THAT(store_.SaveFavourites(Soon(), {{kMac.text(), Ids({5}), 300},
                                             {kMac.text(), Ids({}), 400},
                                             {"00:00:00:00:00:00", Ids({1}), 1}}),
              IsOk());
  ASSERT_OK_AND_ASSIGN(device, store_.FindDevice(Soon(), kMac));
  EXPECT_THAT(device->favourites, IsEmpty());
}

TEST_F(PgStoreTest, LastChannelsAreStoredInOneGo) {
  ASSERT_THAT(store_.PutDevice(Soon(), kMac, kAccount), IsOk());
  ASSERT_THAT(store_.PutDevice(Soon(), kOther, kAccount), IsOk());
  ASSERT_THAT(store_.SaveLastChannels(
                  Soon(), {{kMac.text(), ChannelId(3), 10}, {kOther.text(), ChannelId(4), 10}}),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const auto devices, store_.DevicesSince(Soon(), 0, 100));
  ASSERT_THAT(devices, SizeIs(2));
  EXPECT_EQ(devices[0].last_channel, ChannelId(3));
  EXPECT_EQ(devices[1].last_channel, ChannelId(4));
  EXPECT_EQ(devices[0].revision, devices[1].revision);
  ASSERT_THAT(store_.SaveLastChannels(Soon(), {}), IsOk());
}

TEST_F(PgStoreTest, PagesOfChangesNeverCutARevision) {
  std::vector<LastChannelWrite> writes;
  for (int i = 0; i < 20; ++i) {
    char mac[18];
    std::snprintf(mac, sizeof(mac), "00:1A:79:00:00:%02X", i);
    ASSERT_THAT(store_.PutDevice(Soon(), *Mac::Parse(mac), kAccount), IsOk());
    if (i >= 10) writes.push_back({mac, ChannelId(1), 1});
  }
  ASSERT_THAT(store_.SaveLastChannels(Soon(), writes), IsOk());  // ten rows of one revision
  std::uint64_t revision = 0;
  std::size_t seen = 0;
  for (int page = 0; page < 20; ++page) {
    ASSERT_OK_AND_ASSIGN(const auto devices, store_.DevicesSince(Soon(), revision, 3));
    if (devices.empty()) break;
    seen += devices.size();
    revision = devices.back().revision;
  }
  EXPECT_EQ(seen, 20u);
}

TEST_F(PgStoreTest, WhoeverHasSeenARevisionHasSeenAllBeforeIt) {
  // Writers race; a reader follows by revision. Every device must come by.
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([this, w] {
      for (int i = 0; i < 25; ++i) {
        char mac[18];
        std::snprintf(mac, sizeof(mac), "00:1A:79:%02X:00:%02X", w, i);
        EXPECT_THAT(store_.PutDevice(Soon(), *Mac::Parse(mac), kAccount), IsOk());
      }
    });
  }
  std::set<std::string> seen;
  std::uint64_t revision = 0;
  while (seen.size() < 100) {
    const auto devices = store_.DevicesSince(Soon(), revision, 7);
    ASSERT_THAT(devices, IsOk());
    for (const Device& d : *devices) {
      seen.insert(d.mac);
      revision = std::max(revision, d.revision);
    }
    ASSERT_LE(revision, 100u);
    if (revision == 100) break;
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_THAT(seen, SizeIs(100));
}

TEST_F(PgStoreTest, DevicesAreListedInPages) {
  ASSERT_THAT(store_.PutDevice(Soon(), kOther, kAccount), IsOk());
  ASSERT_THAT(store_.PutDevice(Soon(), kMac, kAccount), IsOk());
  ASSERT_THAT(store_.Register(Soon(), {.mac = *Mac::Parse("00:1A:79:00:00:01")}), IsOk());
  ASSERT_OK_AND_ASSIGN(const DevicePage first, store_.ListDevices(Soon(), kAccount, "", 1));
  ASSERT_THAT(first.devices, SizeIs(1));
  EXPECT_EQ(first.devices[0].mac, kMac.text());
  ASSERT_OK_AND_ASSIGN(const DevicePage second,
                       store_.ListDevices(Soon(), kAccount, first.next_mac, 1));
  EXPECT_EQ(second.devices[0].mac, kOther.text());
  EXPECT_EQ(second.next_mac, "");
  ASSERT_OK_AND_ASSIGN(const DevicePage all, store_.ListDevices(Soon(), AccountId(""), "", 10));
  EXPECT_THAT(all.devices, SizeIs(3));
}

}  // namespace
}  // namespace holdfast::middleware
