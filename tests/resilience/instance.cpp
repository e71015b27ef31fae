// One instance of "echo" that can be told to misbehave, on standard input: "gray" answers calls
// UNAVAILABLE while its health is fine, "slow" takes ten times as long, "well" ends both.
//
//   resilience_instance ADDRESS PORT [WORKERS MILLISECONDS]
//
// Its capacity is made, not found: WORKERS calls at a time that take MILLISECONDS each and idle
// meanwhile. Without them: 8 and 2.

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/rpc/server.h"
#include "libs/rpc/testing/rpc_test.pb.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::rpc {
namespace {

namespace v1 = rpctest::v1;

class Echo {
 public:
  Echo(std::string name, absl::Duration takes) : name_(std::move(name)), takes_(takes) {}

  void Register(ServiceTable& table) {
    table.Worker("Say", *this, &Echo::Answer);
    table.Worker("Look", *this, &Echo::Answer);
    table.Worker("Store", *this, &Echo::Answer);
    table.Worker("Order", *this, &Echo::Answer);
    table.Stream("Count", *this, &Echo::Count);
  }

  // Says who answers.
  absl::StatusOr<v1::Text> Answer(const Call&, const v1::Text&) {
    if (gray_) return Unavailable("gray");
    absl::SleepFor(slow_ ? 10 * takes_ : takes_);
    v1::Text answer;
    answer.set_text(name_);
    return answer;
  }
  absl::Status Count(const Call&, const v1::CountTo&, StreamWriter&) {
    return absl::UnimplementedError("not here");
  }

  void Obey(const std::string& word) {
    gray_ = word == "gray";
    slow_ = word == "slow";
  }

 private:
  const std::string name_;
  const absl::Duration takes_;
  std::atomic<bool> gray_ = false;
  std::atomic<bool> slow_ = false;
};

struct Capacity {
  int workers = 8;
  int milliseconds = 2;  // of a call
};

int Run(const std::string& address, int port, const Capacity& capacity) {
  telemetry::Metrics metrics;
  SeededRandom random(SecureSeed());
  Echo echo(address + ":" + std::to_string(port), absl::Milliseconds(capacity.milliseconds));
  ServiceTable table("holdfast.rpctest.v1.Echo");
  echo.Register(table);
  Server server({.bind_address = address,
                 .port = static_cast<std::uint16_t>(port),
                 .workers = {.threads = capacity.workers}},
                SystemClock::Get(), random, metrics);
  server.Register(table);
  if (const absl::Status started = server.Start(); !started.ok()) {
    std::cerr << ToString(started) << "\n";
    return 1;
  }
  std::cout << "serving" << std::endl;
  for (std::string word; std::getline(std::cin, word);) echo.Obey(word);
  return 0;
}

}  // namespace
}  // namespace holdfast::rpc

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) return 2;
  holdfast::rpc::Capacity capacity;
  if (argc == 5) capacity = {std::atoi(argv[3]), std::atoi(argv[4])};
  return holdfast::rpc::Run(argv[1], std::atoi(argv[2]), capacity);
}
