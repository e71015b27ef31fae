// A payment gateway that behaves as badly as real ones do: answers late or never although it took
// the money, fails without having taken it, decides later, and sends its webhooks late, twice, out
// of order, and again until somebody takes them. What it really took is at GET /truth.
//
//   simulated_gateway --port 1 --secret s --seed 7 --webhook http://127.0.0.1:2/webhooks/gateway
//   ...
//
// Charges of one attempt id are one charge.
#include <google/protobuf/util/json_util.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "holdfast/billing/v1/gateway.pb.h"
#include "libs/base/random.h"
#include "libs/http/client.h"
#include "libs/http/server.h"
#include "services/billing/signature.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
namespace v1 = billing::v1;

struct Options {
  std::uint16_t port = 0;
  std::string secret;
  std::uint64_t seed = 1;
  std::vector<std::string> webhooks;  // any of them
};

struct Charge {
  v1::GatewayCharge request;
  std::string state = "pending";  // "pending", "paid", "declined"
};

struct Webhook {
  SteadyTime at;
  std::string attempt;
  std::string event_id;
};

class SimulatedGateway {
 public:
  explicit SimulatedGateway(Options options) : options_(std::move(options)) {}

  http::Router Routes(WorkerPool& pool) {
    http::Router router;
    router.Post("/charges", http::Worker(pool, [this](const auto& r) { return Take(r); }));
    router.Get("/charges/{id}", http::Inline([this](const auto& r) { return Tell(r); }));
    router.Get("/truth", http::Inline([this](const auto&) { return Truth(); }));
    return router;
  }

  // Sends the webhooks that are due, for ever.
  void SendWebhooks() {
    while (true) {
      const std::optional<Webhook> next = NextWebhook();
      if (!next) {
        std::this_thread::sleep_for(10ms);
        continue;
      }
      if (!Send(*next))
        Later({std::chrono::steady_clock::now() + 300ms, next->attempt, next->event_id});
    }
  }

 private:
  http::Response Take(const http::Request& request) {
    const std::string body(request.body());
    if (!billing::CheckSignature(request.Header(billing::kSignatureHeader), options_.secret, body,
                                 SystemClock::Get().Now())
             .ok()) {
      return http::Response::Text(401, "not signed");
    }
    v1::GatewayCharge wanted;
    if (!google::protobuf::util::JsonStringToMessage(body, &wanted).ok()) {
      return http::Response::Text(400, "what?");
    }
    std::uint64_t mood = 0;
    std::string answer;
    {
      absl::MutexLock lock(&mutex_);
      mood = random_.Below(100);
      if (mood < 10) return http::Response::Text(500, "out of order");  // took nothing
      const bool known = charges_.contains(wanted.attempt_id());
      Charge& charge = charges_[wanted.attempt_id()];
      if (!known) {
        charge.request = wanted;
        charge.state = mood < 30 ? "declined" : mood < 50 ? "pending" : "paid";
        PlanWebhooks(wanted.attempt_id());
      }
      answer = ResultOf(charge, "");
    }
    if (mood >= 70) std::this_thread::sleep_for(mood < 85 ? 400ms : 3000ms);  // late, or too late
    return http::Response::Json(answer);
  }

  http::Response Tell(const http::Request& request) {
    absl::MutexLock lock(&mutex_);
    const auto found = charges_.find(request.captures().front());
    if (found == charges_.end()) return http::Response::Text(404, "never seen");
    return http::Response::Json(ResultOf(found->second, ""));
  }

  // A line for each attempt that was paid: id, amount.
  http::Response Truth() {
    absl::MutexLock lock(&mutex_);
    std::string lines;
    for (const auto& [id, charge] : charges_) {
      if (charge.state == "paid") lines += fmt::format("{} {}\n", id, charge.request.minor_units());
    }
    return http::Response::Text(200, lines);
  }

  // One to three of one event, at any time, so that some come before the answer and some twice at
  // the same moment; of a pending one later, when it is decided.
  void PlanWebhooks(const std::string& attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto copies = 1 + random_.Below(3);
    const auto at = std::chrono::steady_clock::now() +
                    std::chrono::milliseconds(random_.Below(2) == 0 ? 0 : 50 + random_.Below(1500));
    for (std::uint64_t i = 0; i < copies; ++i) due_.push_back({at, attempt, "e-" + attempt});
    if (charges_[attempt].state != "pending") return;
    due_.push_back({at + 1s, attempt, "decided-" + attempt});
    due_.push_back({at + 1s, attempt, "decided-" + attempt});
  }

  std::optional<Webhook> NextWebhook() {
    absl::MutexLock lock(&mutex_);
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto it = due_.begin(); it != due_.end(); ++it) {
      if (it->at > now) continue;
      Webhook next = *it;
      due_.erase(it);
      Charge& charge = charges_[next.attempt];
      if (next.event_id.starts_with("decided-") && charge.state == "pending") {
        charge.state = random_.Below(4) == 0 ? "declined" : "paid";
      }
      return next;
    }
    return std::nullopt;
  }

  void Later(Webhook webhook) {
    absl::MutexLock lock(&mutex_);
    due_.push_back(std::move(webhook));
  }

  // True: taken, or refused for good.
  bool Send(const Webhook& webhook) {
    std::string body, url;
    {
      absl::MutexLock lock(&mutex_);
      body = ResultOf(charges_[webhook.attempt], webhook.event_id);
      url = options_.webhooks[random_.Below(options_.webhooks.size())];
    }
    const std::string signature =
        billing::SignMessage(options_.secret, body, SystemClock::Get().Now());
    const auto answer =
        http::Fetch({.method = "POST",
                     .url = url,
                     .headers = {{std::string(billing::kSignatureHeader), signature}},
                     .body = body},
                    Deadline::After(2s));
    return answer.ok() && answer->status < 500;
  }

  std::string ResultOf(const Charge& charge, const std::string& event_id) {
    v1::GatewayResult result;
    result.set_attempt_id(charge.request.attempt_id());
    result.set_state(charge.state);
    if (charge.state == "paid") {
      result.set_reference("sim-" + charge.request.attempt_id());
      result.set_minor_units(charge.request.minor_units());
      result.set_currency(charge.request.currency());
    }
    if (charge.state == "declined") result.set_reason("card expired");
    result.set_event_id(event_id);
    google::protobuf::util::JsonPrintOptions names;
    names.preserve_proto_field_names = true;
    std::string json;
    (void)google::protobuf::util::MessageToJsonString(result, &json, names);
    return json;
  }

  const Options options_;
  absl::Mutex mutex_;
  SeededRandom random_{options_.seed};
  std::map<std::string, Charge> charges_ ABSL_GUARDED_BY(mutex_);
  std::deque<Webhook> due_ ABSL_GUARDED_BY(mutex_);
};

int Run(const Options& options) {
  telemetry::Metrics metrics;
  WorkerPool pool({.threads = 32});
  SimulatedGateway gateway(options);
  http::Server server({.port = options.port}, gateway.Routes(pool), metrics);
  if (!server.Start().ok()) return 1;
  std::vector<std::thread> senders;
  for (int i = 0; i < 3; ++i) senders.emplace_back([&] { gateway.SendWebhooks(); });
  for (;;) pause();
}

}  // namespace
}  // namespace holdfast::test

int main(int argc, char** argv) {
  holdfast::test::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    const std::string value = argv[i + 1];
    if (flag == "--port") options.port = static_cast<std::uint16_t>(std::stoi(value));
    if (flag == "--secret") options.secret = value;
    if (flag == "--seed") options.seed = std::stoull(value);
    if (flag == "--webhook") options.webhooks.push_back(value);
  }
  if (options.webhooks.empty() || options.secret.empty()) {
    std::fprintf(stderr, "simulated_gateway: --webhook and --secret are needed\n");
    return 2;
  }
  return holdfast::test::Run(options);
}
