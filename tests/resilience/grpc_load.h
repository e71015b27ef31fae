// Calls several services at a steady rate each, through libs/rpc as a service would, whatever they
// answer (open loop), and keeps what came of it.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "google/protobuf/message.h"
#include "libs/base/random.h"
#include "libs/rpc/channel.h"

namespace holdfast::test {

struct LoadedMethod {
  std::string service;                                           // as in discovery
  std::string method;                                            // "package.Service/Method"
  std::shared_ptr<google::protobuf::Message> request, response;  // an example of the response
  double per_second = 20;
};

struct MethodReport {
  std::string service, method;
  int calls = 0, failed = 0;
  std::string first_failure;
  double p50_ms = 0, p99_ms = 0, longest_ms = 0;
  double tries_per_call = 0;  // of the whole neighbour
};

// Thread-safe but for Start and Stop. Owns a thread between them.
class GrpcLoad {
 public:
  struct Options {
    discovery::Options discovery;
    security::TlsFiles tls;
    std::string own_zone;
    std::chrono::milliseconds deadline = std::chrono::seconds(2);  // of each call
  };

  // Broken invariant if discovery's spec cannot be read.
  GrpcLoad(const Options& options, std::vector<LoadedMethod> methods);
  ~GrpcLoad();  // Stop()

  // Whether every instance that discovery knows is up in the eyes of this caller, and there are
  // `instances` of each service.
  bool AllUp(std::size_t instances) const;

  void Start();
  // Ends the load and waits for the last answers.
  std::vector<MethodReport> Stop();

  // Tries that this caller has made of an instance, "billing-c".
  std::uint64_t TriesOf(const std::string& instance) const;
  std::string Describe() const;  // what it thinks of everybody, for the message of a failed test

 private:
  struct Record;
  struct Lane;

  void Run();
  void CallOnce(Lane& lane);
  MethodReport ReportOf(Lane& lane) const;
  double Metric(const std::string& name, const std::string& label) const;

  const Options options_;
  SeededRandom random_;
  mutable telemetry::Metrics metrics_;
  std::unique_ptr<discovery::Directory> directory_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> under_way_ = 0;
  std::thread thread_;
};

}  // namespace holdfast::test
