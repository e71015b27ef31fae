#include "tests/billing/billing_pair.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/http/client.h"
#include "libs/testing/eventually.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kPauseBetweenTries = 20ms;

std::unique_ptr<discovery::Directory> Open(const std::string& spec, Random& random,
                                           telemetry::Metrics& metrics) {
  auto directory = discovery::OpenDirectory({.spec = spec}, SystemClock::Get(), random, metrics);
  HOLDFAST_CHECK(directory.ok());
  return *std::move(directory);
}

// A machine whose processes die every second is no reason to give up a try early or to stop asking.
rpc::PeerOptions Patient() {
  rpc::PeerOptions options;
  options.timeout = 5s;
  options.try_timeout = 2s;
  options.open_for = 100ms;
  options.open_for_max = 200ms;
  options.probe_interval = 100ms;
  return options;
}

}  // namespace

BillingPair::BillingPair(Options options) : options_(std::move(options)) {
  for (int i = 0; i < kInstances; ++i) {
    grpc_ports_[Index(i)] = FreePort();
    admin_ports_[Index(i)] = FreePort();
    http_ports_[Index(i)] = FreePort();
    Start(i);
  }
}

BillingPair::~BillingPair() {
  for (auto& process : processes_) process.reset();
  const char* keep = std::getenv("HOLDFAST_TEST_KEEP");
  if (keep == nullptr) return;
  std::error_code ignored;
  for (const char* name : {"log-0", "log-1"}) {
    std::filesystem::copy_file(dir_.File(name), std::string(keep) + "/billing-" + name,
                               std::filesystem::copy_options::overwrite_existing, ignored);
  }
}

void BillingPair::Kill(int instance) { processes_[Index(instance)]->Kill(); }

void BillingPair::Start(int instance) {
  const std::string name(1, static_cast<char>('a' + instance));
  Process::Options start{
      .command = {HOLDFAST_BIN_DIR "/holdfast-billing", "--zone", name, "--data_dir",
                  dir_.File("data-" + name), "--grpc_port",
                  std::to_string(grpc_ports_[Index(instance)]), "--admin_port",
                  std::to_string(admin_ports_[Index(instance)]), "--http_port",
                  std::to_string(http_ports_[Index(instance)]), "--postgres_hosts",
                  options_.postgres_hosts, "--postgres_database", options_.database,
                  "--postgres_user", options_.user, "--log_level", "warning"},
      .log_file = dir_.File("log-" + std::to_string(instance))};
  start.command.insert(start.command.end(), options_.flags.begin(), options_.flags.end());
  absl::StatusOr<Process> started = Process::Start(start);
  HOLDFAST_CHECK(started.ok());
  processes_[Index(instance)] = *std::move(started);
}

bool BillingPair::WaitUntilReady(std::chrono::seconds limit) const {
  return Eventually(
      [&] {
        for (int i = 0; i < kInstances; ++i) {
          const auto answer = http::Fetch({.url = admin_url(i) + "/readyz"}, Deadline::After(1s));
          if (!answer.ok() || answer->status != 200) return false;
        }
        return true;
      },
      limit);
}

std::string BillingPair::address(int instance) const {
  return "127.0.0.1:" + std::to_string(grpc_ports_[Index(instance)]);
}
std::string BillingPair::admin_url(int instance) const {
  return "http://127.0.0.1:" + std::to_string(admin_ports_[Index(instance)]);
}
std::string BillingPair::http_url(int instance) const {
  return "http://127.0.0.1:" + std::to_string(http_ports_[Index(instance)]);
}
std::string BillingPair::discovery() const {
  return "static:billing=" + address(0) + "@a," + address(1) + "@b";
}
std::string BillingPair::discovery(int instance) const {
  return "static:billing=" + address(instance);
}

std::string BillingPair::Log(int instance) const {
  std::ifstream file(dir_.File("log-" + std::to_string(instance)));
  return {std::istreambuf_iterator<char>(file), {}};
}

// -- The caller -----------------------------------------------------------------------------------

BillingCaller::BillingCaller(const std::string& discovery)
    : directory_(Open(discovery, random_, metrics_)),
      channel_("billing", Patient(),
               {.directory = *directory_,
                .clock = SystemClock::Get(),
                .random = random_,
                .metrics = metrics_}) {}

const Clock& BillingCaller::clock() const { return SystemClock::Get(); }

absl::StatusOr<std::string> BillingCaller::Ask(std::string_view method,
                                               const google::protobuf::Message& request,
                                               std::chrono::milliseconds patience) {
  std::string full_name(method);
  full_name[full_name.find('/')] = '.';
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(full_name);
  HOLDFAST_CHECK(descriptor != nullptr);
  const std::unique_ptr<google::protobuf::Message> answer(
      google::protobuf::MessageFactory::generated_factory()
          ->GetPrototype(descriptor->output_type())
          ->New());
  ++tries_;
  const rpc::Call call = rpc::Call::Background(patience, SystemClock::Get(), random_);
  HOLDFAST_RETURN_IF_ERROR(
      channel_.InvokeInto(call, method, request, *answer, {.timeout = patience}));
  return answer->SerializeAsString();
}

absl::StatusOr<std::string> BillingCaller::AskUntilAnswered(
    std::string_view method, const google::protobuf::Message& request, Deadline deadline) {
  while (true) {
    absl::StatusOr<std::string> answer = Ask(method, request, 5s);
    if (!MustRepeat(answer.status()) || deadline.Passed()) return answer;
    std::this_thread::sleep_for(kPauseBetweenTries);
  }
}

bool MustRepeat(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || absl::IsResourceExhausted(status);
}

}  // namespace holdfast::test
