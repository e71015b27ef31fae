// What every back end must do: on the real thing (lists, files, a private dnsmasq, a private etcd),
// and on a process that stands for Kubernetes' API server.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/base/string_map.h"
#include "libs/discovery/directory.h"
#include "libs/discovery/last_good_set.h"
#include "libs/discovery/testing/fake_api_server.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_dns.h"
#include "libs/testing/test_etcd.h"

namespace holdfast::discovery {
namespace {

// What does not wait for a hung back end is done by then, on a busy machine too.
constexpr auto kNoWait = std::chrono::seconds(4);

using namespace std::chrono_literals;
using test::Eventually;

using Addresses = std::set<std::string>;
using Listing = OrderedStringMap<Addresses>;  // service -> addresses

// A registry under test, whatever its kind.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string spec() const = 0;
  virtual void List(const Listing& listing) = 0;  // replaces everything
  virtual void Kill() {}
  virtual void Restart() {}
  virtual void Hang() {}
  virtual void Resume() {}
};

class StaticBackend final : public Backend {
 public:
  std::string spec() const override { return spec_; }
  void List(const Listing& listing) override {
    spec_ = "static:";
    for (const auto& [service, addresses] : listing) {
      spec_ += service + "=";
      for (const std::string& address : addresses) spec_ += address + ",";
      spec_ += ";";
    }
  }

 private:
  std::string spec_ = "static:";
};

// "Hang" and "Kill" are what can happen to a file: it cannot be read, or it is gone.
class FileBackend final : public Backend {
 public:
  FileBackend() { List({}); }

  std::string spec() const override { return "file:" + path_; }
  void List(const Listing& listing) override {
    std::string text;
    for (const auto& [service, addresses] : listing) {
      std::string list;
      for (const std::string& address : addresses) {
        list += fmt::format(R"({}{{"address":"{}"}})", list.empty() ? "" : ",", address);
      }
      text += fmt::format(R"({}"{}":[{}])", text.empty() ? "" : ",", service, list);
    }
    content_ = "{" + text + "}";
    Replace(content_);
  }
  void Kill() override { std::filesystem::remove(path_); }
  void Restart() override { Replace(content_); }
  void Hang() override { Replace(content_.substr(0, content_.size() / 2)); }
  void Resume() override { Replace(content_); }

 private:
  void Replace(std::string_view content) const {
    std::ofstream(path_ + ".new") << content;
    std::filesystem::rename(path_ + ".new", path_);
  }

  test::TempDir dir_;
  const std::string path_ = dir_.File("instances.json");
  std::string content_;
};

class DnsBackend final : public Backend {
 public:
  std::string spec() const override {
    return fmt::format("dns:{{service}}.holdfast.internal:50051?server={}", dns_.address());
  }
  void List(const Listing& listing) override {
    std::string hosts;
    for (const auto& [service, addresses] : listing) {
      for (const std::string& address : addresses) {
        hosts += address.substr(0, address.find(':')) + " " + service + ".holdfast.internal\n";
      }
    }
    dns_.SetHosts(hosts);
  }
  void Kill() override { dns_.Kill(); }
  void Restart() override { dns_.Restart(); }
  void Hang() override { dns_.Hang(); }
  void Resume() override { dns_.Resume(); }

 private:
  test::TestDns dns_{{}};
};

// Instances register through a directory of their own, as programs do.
class EtcdBackend final : public Backend {
 public:
  EtcdBackend() {
    Options options{.spec = spec(), .lease_ttl = 2s};
    peers_ = *OpenDirectory(options, SystemClock::Get(), random_, metrics_);
  }
  std::string spec() const override { return "etcd:" + etcd_->url(); }
  void List(const Listing& listing) override {
    std::map<std::pair<std::string, std::string>, std::unique_ptr<Watch>> next;
    for (const auto& [service, addresses] : listing) {
      for (const std::string& address : addresses) {
        std::unique_ptr<Watch>& kept = registered_[{service, address}];
        if (kept == nullptr) kept = peers_->Register(service, {.id = address, .address = address});
        next[{service, address}] = std::move(kept);
      }
    }
    registered_ = std::move(next);
  }
  void Kill() override { etcd_->Kill(); }
  void Restart() override { etcd_->Restart(); }
  void Hang() override { etcd_->Hang(); }
  void Resume() override { etcd_->Resume(); }

 private:
  std::unique_ptr<test::TestEtcd> etcd_ = test::TestEtcd::Start();
  SeededRandom random_{1};
  telemetry::Metrics metrics_;
  std::unique_ptr<Directory> peers_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Watch>> registered_;
};

class KubernetesBackend final : public Backend {
 public:
  std::string spec() const override { return server_.spec(); }
  void List(const Listing& listing) override {
    std::vector<std::string> slices;
    for (const auto& [service, addresses] : listing) {
      std::vector<std::string> hosts;
      for (const std::string& address : addresses) {
        hosts.push_back(address.substr(0, address.find(':')));
      }
      slices.push_back(ReadySlice(service + "-1", service, hosts));
    }
    server_.SetSlices(slices);
  }
  void Kill() override { server_.Kill(); }
  void Restart() override { server_.Restart(); }
  void Hang() override { server_.Hang(); }
  void Resume() override { server_.Resume(); }

 private:
  FakeApiServer server_;
};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Backend>()> make;
};
std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

const Kind kStatic{"static", [] { return std::make_unique<StaticBackend>(); }};
const Kind kFile{"file", [] { return std::make_unique<FileBackend>(); }};
const Kind kDns{"dns", [] { return std::make_unique<DnsBackend>(); }};
const Kind kEtcd{"etcd", [] { return std::make_unique<EtcdBackend>(); }};
const Kind kKubernetes{"kubernetes", [] { return std::make_unique<KubernetesBackend>(); }};

// Everything one watch was told.
class Seen {
 public:
  Directory::Callback Callback() {
    return [this](const InstanceSet& set) {
      absl::MutexLock lock(&mutex_);
      EXPECT_FALSE(set.empty());
      for (std::size_t i = 1; i < set.size(); ++i) EXPECT_LT(set[i - 1].id, set[i].id);
      last_.clear();
      for (const Instance& instance : set) last_.insert(instance.address);
      ++times_;
    };
  }
  Addresses last() const {
    absl::MutexLock lock(&mutex_);
    return last_;
  }
  int times() const {
    absl::MutexLock lock(&mutex_);
    return times_;
  }
  bool Comes(const Addresses& wanted) const {
    return Eventually([&] { return last() == wanted; }, 15s);
  }

 private:
  mutable absl::Mutex mutex_;
  Addresses last_ ABSL_GUARDED_BY(mutex_);
  int times_ ABSL_GUARDED_BY(mutex_) = 0;
};

const std::string kA = "127.0.0.1:50051";
const std::string kB = "127.0.0.2:50051";
const std::string kC = "127.0.0.3:50051";

class DirectoryTest : public ::testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<Directory> Open() {
    const SteadyTime begin = SystemClock::Get().SteadyNow();
    absl::StatusOr<std::unique_ptr<Directory>> directory =
        OpenDirectory({.spec = backend_->spec(),
                       .snapshot_dir = files_.path(),
                       .dns_interval = 50ms,
                       .file_interval = 1h,
                       .kubernetes_watch = 1s,
                       .lease_ttl = 2s,
                       .shrink_hold = shrink_hold_},
                      SystemClock::Get(), random_, metrics_);
    HOLDFAST_CHECK(directory.ok());
    EXPECT_LT(SystemClock::Get().SteadyNow() - begin, kNoWait);
    return *std::move(directory);
  }
  double Guarded(std::string_view service) {
    return metrics_
        .CounterFamily("holdfast_discovery_guarded_total",
                       "Empty or halved lists that were kept back.", {"service"})
        .With({service})
        .value();
  }
  double Age(std::string_view service) {
    return metrics_
        .GaugeFamily("holdfast_discovery_set_age_seconds",
                     "Time since the back end last confirmed the instances in use.", {"service"})
        .With({service})
        .value();
  }
  double BackendUp() {
    return metrics_
        .GaugeFamily("holdfast_discovery_backend_up", "1 while the discovery back end answers.",
                     {"backend"})
        .With({GetParam().name})
        .value();
  }

  std::unique_ptr<Backend> backend_ = GetParam().make();
  test::TempDir files_;
  SeededRandom random_{7};
  telemetry::Metrics metrics_;
  std::chrono::milliseconds shrink_hold_ = 30s;
};
INSTANTIATE_TEST_SUITE_P(, DirectoryTest,
                         ::testing::Values(kStatic, kFile, kDns, kEtcd, kKubernetes),
                         [](const auto& info) { return info.param.name; });

TEST_P(DirectoryTest, EachServiceHasItsOwnInstances) {
  backend_->List({{"epg", {kA, kB}}, {"drm", {kC}}});
  const auto directory = Open();
  Seen epg, drm, nobody;
  const auto watch_epg = directory->Subscribe("epg", epg.Callback());
  const auto watch_drm = directory->Subscribe("drm", drm.Callback());
  const auto watch_nobody = directory->Subscribe("nobody", nobody.Callback());
  EXPECT_TRUE(epg.Comes({kA, kB}));
  EXPECT_TRUE(drm.Comes({kC}));
  EXPECT_EQ(nobody.times(), 0);
  EXPECT_EQ(BackendUp(), 1);
}

TEST_P(DirectoryTest, ALateWatcherIsToldAtOnce) {
  backend_->List({{"epg", {kA}}});
  const auto directory = Open();
  Seen first, second;
  const auto watch = directory->Subscribe("epg", first.Callback());
  ASSERT_TRUE(first.Comes({kA}));
  const auto late = directory->Subscribe("epg", second.Callback());
  EXPECT_EQ(second.last(), Addresses{kA});
}

TEST_P(DirectoryTest, ADirectoryIsDestroyedAtOnce) {
  backend_->List({{"epg", {kA}}});
  Seen seen;
  auto directory = Open();
  auto watch = directory->Subscribe("epg", seen.Callback());
  auto registration = directory->Register("epg", {.id = kB, .address = kB});
  backend_->Hang();
  const SteadyTime begin = SystemClock::Get().SteadyNow();
  registration.reset();
  watch.reset();
  directory.reset();
  EXPECT_LT(SystemClock::Get().SteadyNow() - begin, kNoWait);
  backend_->Resume();
}

class LivingDirectoryTest : public DirectoryTest {
 protected:
  void LeaveLastGoodSet(const Addresses& addresses);
};
INSTANTIATE_TEST_SUITE_P(, LivingDirectoryTest, ::testing::Values(kFile, kDns, kEtcd, kKubernetes),
                         [](const auto& info) { return info.param.name; });

TEST_P(LivingDirectoryTest, ScalingUpAndDownIsSeen) {
  backend_->List({{"epg", {kA, kB}}});
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  ASSERT_TRUE(seen.Comes({kA, kB}));
  backend_->List({{"epg", {kA, kB, kC}}});
  EXPECT_TRUE(seen.Comes({kA, kB, kC}));
  backend_->List({{"epg", {kB, kC}}});
  EXPECT_TRUE(seen.Comes({kB, kC}));
}

TEST_P(LivingDirectoryTest, TheAgeOfTheSetGrowsWhileTheBackEndIsAway) {
  backend_->List({{"epg", {kA}}});
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  ASSERT_TRUE(seen.Comes({kA}));
  backend_->Kill();
  EXPECT_TRUE(Eventually([&] { return Age("epg") > 1.5; }, 20s));
  backend_->Restart();
  backend_->List({{"epg", {kA, kB}}});
  EXPECT_TRUE(seen.Comes({kA, kB}));
  EXPECT_TRUE(Eventually([&] { return Age("epg") < 1.5; }));
}

TEST_P(LivingDirectoryTest, ADroppedWatchIsNotCalledAgain) {
  backend_->List({{"epg", {kA}}});
  const auto directory = Open();
  Seen dropped, kept;
  auto watch = directory->Subscribe("epg", dropped.Callback());
  const auto other = directory->Subscribe("epg", kept.Callback());
  ASSERT_TRUE(dropped.Comes({kA}));
  watch.reset();
  backend_->List({{"epg", {kA, kB}}});
  EXPECT_TRUE(kept.Comes({kA, kB}));
  EXPECT_EQ(dropped.last(), Addresses{kA});
}

TEST_P(LivingDirectoryTest, AnEmptyListIsKeptBackForEver) {
  shrink_hold_ = 1ms;
  backend_->List({{"epg", {kA, kB}}});
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  ASSERT_TRUE(seen.Comes({kA, kB}));
  backend_->List({{"epg", {kB}}});
  ASSERT_TRUE(seen.Comes({kB}));
  backend_->List({{"drm", {kA}}});
  EXPECT_TRUE(Eventually([&] { return Guarded("epg") >= 1; }));
  backend_->List({{"epg", {kC}}});
  EXPECT_TRUE(seen.Comes({kC}));
}

TEST_P(LivingDirectoryTest, LessThanHalfIsKeptBackForAWhile) {
  shrink_hold_ = 1500ms;
  backend_->List({{"epg", {kA, kB, kC}}});
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  ASSERT_TRUE(seen.Comes({kA, kB, kC}));
  backend_->List({{"epg", {kA}}});
  ASSERT_TRUE(Eventually([&] { return Guarded("epg") == 1; }));
  EXPECT_GE(seen.last().size(), 2u);
  EXPECT_TRUE(seen.Comes({kA}));
}

// What an earlier process left on the disk.
void LivingDirectoryTest::LeaveLastGoodSet(const Addresses& addresses) {
  backend_->List({{"epg", addresses}});
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  ASSERT_TRUE(seen.Comes(addresses));
  ASSERT_TRUE(Eventually([&] {
    const auto saved = LoadLastGoodSet(files_.path(), "epg");
    return saved.ok() && saved->size() == addresses.size();
  }));
}

TEST_P(LivingDirectoryTest, AStartWithoutTheBackEndUsesTheLastGoodSet) {
  LeaveLastGoodSet({kA, kB});
  backend_->Kill();
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  EXPECT_EQ(seen.last(), (Addresses{kA, kB}));
  EXPECT_NE(directory->Describe().find("last good set"), std::string::npos);
  EXPECT_EQ(BackendUp(), 0);
}

TEST_P(LivingDirectoryTest, AStartWithAHungBackEndUsesTheLastGoodSetAtOnce) {
  LeaveLastGoodSet({kA, kB});
  backend_->Hang();
  const SteadyTime begin = SystemClock::Get().SteadyNow();
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  EXPECT_EQ(seen.last(), (Addresses{kA, kB}));
  EXPECT_LT(SystemClock::Get().SteadyNow() - begin, 2 * kNoWait);
  backend_->Resume();
  EXPECT_TRUE(Eventually([&] { return BackendUp() == 1; }, 20s));
}

TEST_P(LivingDirectoryTest, ADamagedFileIsIgnored) {
  std::ofstream(files_.path() + "/epg.instances") << "holdfast-instances 1 0123\nnonsense";
  backend_->List({{"epg", {kA}}});
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  EXPECT_TRUE(seen.Comes({kA}));
}

TEST_P(LivingDirectoryTest, AKilledBackEndIsFoundAgain) {
  backend_->List({{"epg", {kA, kB}}});
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  ASSERT_TRUE(seen.Comes({kA, kB}));
  backend_->Kill();
  EXPECT_TRUE(Eventually([&] { return BackendUp() == 0; }, 15s));
  EXPECT_EQ(seen.last(), (Addresses{kA, kB}));
  backend_->Restart();
  backend_->List({{"epg", {kA, kB, kC}}});
  EXPECT_TRUE(seen.Comes({kA, kB, kC}));
  EXPECT_TRUE(Eventually([&] { return BackendUp() == 1; }));
}

TEST_P(LivingDirectoryTest, AHungBackEndIsNoticedAndChangesNothing) {
  backend_->List({{"epg", {kA, kB}}});
  const auto directory = Open();
  Seen seen;
  const auto watch = directory->Subscribe("epg", seen.Callback());
  ASSERT_TRUE(seen.Comes({kA, kB}));
  backend_->Hang();
  EXPECT_TRUE(Eventually([&] { return BackendUp() == 0; }, 15s));
  const SteadyTime begin = SystemClock::Get().SteadyNow();
  Seen late;
  const auto second = directory->Subscribe("epg", late.Callback());
  EXPECT_EQ(late.last(), (Addresses{kA, kB}));
  EXPECT_LT(SystemClock::Get().SteadyNow() - begin, kNoWait);
  backend_->Resume();
  EXPECT_TRUE(Eventually([&] { return BackendUp() == 1; }, 15s));
}

}  // namespace
}  // namespace holdfast::discovery
