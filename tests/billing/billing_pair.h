// Two instances of holdfast-billing, real processes on fixed ports over one database, that a test
// may kill and start again; and the way a caller has to them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "libs/base/random.h"
#include "libs/discovery/directory.h"
#include "libs/rpc/channel.h"
#include "libs/telemetry/metrics.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::test {

// Used from one thread, but for the const methods.
class BillingPair {
 public:
  static constexpr int kInstances = 2;
  struct Options {
    std::string postgres_hosts;
    std::string database;
    std::string user;
    std::vector<std::string> flags;  // more of them, "--expiry_interval=200ms"
  };
  // Starts both; broken invariant if the program cannot be started.
  explicit BillingPair(Options options);
  ~BillingPair();  // kills both; keeps their logs in $HOLDFAST_TEST_KEEP if that is set

  void Kill(int instance);  // SIGKILL
  void Start(int instance);
  // False: it died although nobody killed it.
  bool running(int instance) const { return processes_[Index(instance)]->running(); }
  // Waits until both say that they are ready.
  bool WaitUntilReady(std::chrono::seconds limit = std::chrono::seconds(30)) const;

  std::string address(int instance) const;
  // For discovery::Options: both of them, or one.
  std::string discovery() const;
  std::string discovery(int instance) const;
  std::string admin_url(int instance) const;
  std::string http_url(int instance) const;  // of the gateway's webhook, if there is a gateway
  std::string Log(int instance) const;

 private:
  static std::size_t Index(int instance) { return static_cast<std::size_t>(instance); }

  const Options options_;
  TempDir dir_;
  std::array<std::uint16_t, kInstances> grpc_ports_;
  std::array<std::uint16_t, kInstances> admin_ports_;
  std::array<std::uint16_t, kInstances> http_ports_;
  std::array<std::optional<Process>, kInstances> processes_;
};

// A caller of billing with everything a service of ours has: discovery, probes, breakers, retries.
// Thread-safe.
class BillingCaller {
 public:
  explicit BillingCaller(const std::string& discovery);

  // One call as the channel makes it (with its own tries); the answer as bytes.
  // `method` is "holdfast.billing.v1.Payments/RecordPayment".
  absl::StatusOr<std::string> Ask(std::string_view method, const google::protobuf::Message& request,
                                  std::chrono::milliseconds patience);
  // Asks until somebody answers: repeats as a careful client does, with the same request.
  absl::StatusOr<std::string> AskUntilAnswered(std::string_view method,
                                               const google::protobuf::Message& request,
                                               Deadline deadline);
  template <class Answer>
  absl::StatusOr<Answer> Get(std::string_view method, const google::protobuf::Message& request,
                             Deadline deadline) {
    absl::StatusOr<std::string> bytes = AskUntilAnswered(method, request, deadline);
    if (!bytes.ok()) return bytes.status();
    Answer answer;
    if (!answer.ParseFromString(*bytes)) return absl::DataLossError("an answer cannot be parsed");
    return answer;
  }

  rpc::Channel& channel() { return channel_; }
  const Clock& clock() const;
  Random& random() { return random_; }
  telemetry::Metrics& metrics() { return metrics_; }
  std::uint64_t tries() const { return tries_; }

 private:
  SeededRandom random_{SecureSeed()};
  telemetry::Metrics metrics_;
  std::unique_ptr<discovery::Directory> directory_;
  rpc::Channel channel_;
  std::atomic<std::uint64_t> tries_ = 0;
};

// Whether the outcome of a command is unknown after it: repeat it with its key.
bool MustRepeat(const absl::Status& status);

}  // namespace holdfast::test
