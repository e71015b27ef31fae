// A whole platform of the test's own: deploy/local/up with a private run directory and free ports.
//
//   Platform& platform = Platform::Shared();      // started by the first test of the program
//   platform.Kill({"billing", "postgres"});       // "billing": all its instances
//   platform.Restart({"billing", "postgres"});
//
// Ends with the test program, even if that is killed. Its logs are kept when HOLDFAST_TEST_KEEP is
// set. Methods block until the platform's own commands have finished; one thread at a time.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/string_map.h"
#include "libs/testing/process.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::test {

// The parts that fail together in a test, by their names in <run dir>/pids.
using Parts = std::vector<std::string>;

class Platform {
 public:
  // The program's one platform. Ends the program if it cannot be started: nothing would work.
  static Platform& Shared();
  // The same, with a gate before each store and each service's gRPC port, so that they can be made
  // slow. For programs that ask for it before anybody asks for Shared().
  static Platform& SharedWithGates();

  ~Platform();

  // A line of endpoints.env: "PORTAL_URL", "DEMO_MAC", "HOLDFAST_EPG_A_ADMIN".
  const std::string& Endpoint(std::string_view name) const;

  absl::Status Kill(const Parts& parts);     // SIGKILL
  absl::Status Hang(const Parts& parts);     // SIGSTOP
  absl::Status Resume(const Parts& parts);   // SIGCONT
  absl::Status Restart(const Parts& parts);  // ends what is left, starts, waits until ready
  // Whatever is said to the parts, and by them, is this much late; zero: no longer. Boxes and admin
  // pages do not go through gates.
  void Slow(const Parts& parts, std::chrono::milliseconds each_way);

  // Process id of a part as written in <run dir>/pids; 0 if it has none.
  int Pid(std::string_view part) const;

  // Of these parts, those to whom nobody came through their gates, a line each; "" if all are used.
  std::string UnusedGates(const Parts& parts) const;

  // A third instance of a service, in zone "a", made from the recipe of "<service>-a"; its admin
  // address. It is ready, or will be: nobody waits. Ends with the platform or by EndExtra.
  absl::StatusOr<std::string> StartExtra(const std::string& service);
  int EndExtra();  // SIGTERM; its exit code

  // Sum of a metric's samples over its labels, on the admin port of "middleware-a".
  // NOT_FOUND if there is no such metric.
  absl::StatusOr<double> Metric(std::string_view instance, std::string_view name) const;

  // True when every instance is ready, reaches its stores and follows what it replicates.
  bool Whole() const;
  // What is missing for that, for the message of a failed test.
  std::string WhatIsMissing() const;

  // Parts that do not run, and reports of sanitizers in their logs; "" if none. Checked at the end
  // of every program that used the platform: tests mend what they break.
  std::string Casualties() const;

 private:
  explicit Platform(StringMap<std::string> endpoints, std::unique_ptr<TempDir> folder);
  static Platform& TheOne(bool gates);
  static absl::StatusOr<std::unique_ptr<Platform>> Start(bool gates);
  absl::Status PutGates();
  absl::Status Aim(std::string_view command, const Parts& parts);

  std::unique_ptr<TempDir> folder_;
  StringMap<std::string> endpoints_;
  std::map<std::string, std::unique_ptr<TcpGate>> gates_;  // by part
  std::unique_ptr<Process> extra_;
};

// Runs a shell command; the error carries its output.
absl::StatusOr<std::string> RunCommand(const std::string& command);

}  // namespace holdfast::test
