// What the tests of the etcd back end share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/discovery/directory.h"
#include "libs/testing/eventually.h"
#include "libs/testing/exchange.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::discovery {

using namespace std::chrono_literals;
using test::Eventually;

// etcd's own JSON gateway: an operator with other tools.
inline std::string AskGateway(std::uint16_t port, std::string_view path, const std::string& body) {
  return test::Exchange(
      port, fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n"
                        "Content-Length: {}\r\n\r\n{}",
                        path, port, body.size(), body));
}

inline std::string Encoded(std::string_view bytes) {
  return absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
}

class EtcdTest : public ::testing::Test {
 protected:
  std::unique_ptr<Directory> OpenSpec(const std::string& spec,
                                      const Clock& clock = SystemClock::Get()) {
    absl::StatusOr<std::unique_ptr<Directory>> directory = OpenDirectory(
        {.spec = spec, .snapshot_dir = snapshot_dir_, .lease_ttl = 2s}, clock, random_, metrics_);
    HOLDFAST_CHECK(directory.ok());
    return *std::move(directory);
  }

  Directory::Callback Remember() {
    return [this](const InstanceSet& set) {
      absl::MutexLock lock(&mutex_);
      ids_.clear();
      for (const Instance& instance : set) ids_ += instance.id + " ";
      set_ = set;
    };
  }
  bool Comes(const std::string& ids) {
    return Eventually(
        [&] {
          absl::MutexLock lock(&mutex_);
          return ids_ == ids;
        },
        20s);
  }
  InstanceSet set() {
    absl::MutexLock lock(&mutex_);
    return set_;
  }
  bool OneInstanceComes(const std::function<bool(const Instance&)>& fits) {
    return Eventually(
        [&] {
          const InstanceSet seen = set();
          return seen.size() == 1 && fits(seen[0]);
        },
        20s);
  }
  static Instance Named(std::string_view id) {
    return {.id = std::string(id), .address = "127.0.0.1:50051", .zone = "a", .version = "1"};
  }

  // A counter or gauge of the service "epg".
  double Counted(std::string_view name, std::string_view help) {
    return metrics_.CounterFamily(name, help, {"service"}).With({"epg"}).value();
  }
  double LeaseLosses() {
    return Counted("holdfast_discovery_lease_losses_total",
                   "Leases that ended while this process lived.");
  }
  double Conflicts() {
    return Counted("holdfast_discovery_id_conflicts_total",
                   "Times that another process took our id.");
  }
  double Registrations() {
    return Counted("holdfast_discovery_registrations_total",
                   "Times that this process wrote its registration.");
  }
  double Registered() {
    return metrics_
        .GaugeFamily("holdfast_discovery_registered",
                     "1 while this process is registered and found by its id.", {"service"})
        .With({"epg"})
        .value();
  }

  std::string snapshot_dir_;
  SeededRandom random_{3};
  telemetry::Metrics metrics_;

 private:
  absl::Mutex mutex_;
  std::string ids_ ABSL_GUARDED_BY(mutex_);
  InstanceSet set_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::discovery
