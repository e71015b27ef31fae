// The load under which drills happen: gRPC calls to all six services as a service would make them,
// boxes at the portal, and players at the routing and key ports; all of it open loop.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/platform.h"
#include "tests/load/living_box.h"
#include "tests/load/open_loop.h"
#include "tests/resilience/grpc_load.h"

namespace holdfast::test {

// Makes the first `count` boxes known to the platform, as the demo account's. Blocks.
absl::Status RegisterBoxes(const Platform& platform, int count);

// A caller of the platform's services, with the operator's certificate. `snapshots`: folder for
// discovery's last good sets, or "".
GrpcLoad::Options CallerOptions(const Platform& platform, const std::string& snapshots);

// A player that fetches one thing again and again.
class SteadyGet final : public load::Client {
 public:
  SteadyGet(std::string name, std::string request, int wanted_status,
            std::chrono::milliseconds pause);

  load::SteadyClock::time_point Due() const override { return next_; }
  std::string Request() override;
  void Take(const load::Outcome& outcome) override;

  const std::string name;
  int done = 0, failed = 0;
  std::vector<double> took_ms;
  std::string first_failure;

 private:
  const std::string request_;
  const int wanted_status_;
  const std::chrono::milliseconds pause_;
  load::SteadyClock::time_point next_;
};

struct HttpReport {
  std::string name;
  std::size_t requests = 0, failed = 0;
  double p99_ms = 0;
  std::string first_failure;
};

// Everything together. Start and Stop once each.
class DrillLoad {
 public:
  // FAILED_PRECONDITION etc. if the platform does not give a box what it needs.
  static absl::StatusOr<std::unique_ptr<DrillLoad>> Make(const Platform& platform);
  ~DrillLoad();

  void Start();
  void Stop();  // and waits for all answers

  GrpcLoad& grpc() { return *grpc_; }
  // After Stop.
  const std::vector<MethodReport>& calls() const { return calls_; }
  std::vector<HttpReport> Http();
  const load::OpenLoopCounts& connections() const { return connections_; }
  // Prints both as one table; the number of failed calls and requests, with the first failure of
  // each kind in `failures`.
  std::size_t Print(std::string& failures);

 private:
  DrillLoad() = default;
  absl::Status AddPlayers(const Platform& platform);

  std::unique_ptr<GrpcLoad> grpc_;
  load::BoxLog log_{1};
  std::vector<std::string> channels_;
  std::vector<std::unique_ptr<load::LivingBox>> boxes_;
  std::vector<std::unique_ptr<SteadyGet>> players_;
  std::unique_ptr<load::OpenLoop> loop_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
  std::vector<MethodReport> calls_;
  load::OpenLoopCounts connections_;
};

}  // namespace holdfast::test
