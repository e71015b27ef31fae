// A payment gateway that behaves as badly as real ones do: answers late or never although it took
// the money or sent it back, fails without having done so, decides later, gets some of what it sent
// back, and sends its webhooks late, twice, out of order, and again until somebody takes them. What
// it really took and sent back is at GET /truth.
//
//   simulated_gateway --port 1 --secret s --seed 7 --webhook http://127.0.0.1:2/webhooks/gateway
//   ...
//
// Charges of one attempt id are one charge, refunds of one refund id are one refund. Of a charge it
// sends back no more than it took.
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

struct Refund {
  v1::GatewayRefund request;
  std::string state = "pending";  // "pending", "refunded", "refused", "bounced"
};

struct Webhook {
  SteadyTime at;
  std::string id;  // of the charge or refund
  std::string event_id;
};

// What becomes of a request; how it is answered is another matter.
enum class Mood { kOutOfOrder, kNo, kLater, kYes };
Mood MoodOf(std::uint64_t percent) {
  if (percent < 10) return Mood::kOutOfOrder;
  if (percent < 30) return Mood::kNo;
  return percent < 50 ? Mood::kLater : Mood::kYes;
}

class SimulatedGateway {
 public:
  explicit SimulatedGateway(Options options) : options_(std::move(options)) {}

  http::Router Routes(WorkerPool& pool) {
    http::Router router;
    router.Post("/charges", http::Worker(pool, [this](const auto& r) { return Take(r); }));
    router.Get("/charges/{id}", http::Inline([this](const auto& r) { return Tell(r); }));
    router.Post("/refunds", http::Worker(pool, [this](const auto& r) { return SendBack(r); }));
    router.Get("/refunds/{id}", http::Inline([this](const auto& r) { return Tell(r); }));
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
      if (!Send(*next)) Later({std::chrono::steady_clock::now() + 300ms, next->id, next->event_id});
    }
  }

 private:
  // What was asked for, if it is signed and understood.
  template <class Wanted>
  std::optional<Wanted> Understand(const http::Request& request) {
    const std::string body(request.body());
    Wanted wanted;
    if (!billing::CheckSignature(request.Header(billing::kSignatureHeader), options_.secret, body,
                                 SystemClock::Get().Now())
             .ok() ||
        !google::protobuf::util::JsonStringToMessage(body, &wanted).ok()) {
      return std::nullopt;
    }
    return wanted;
  }

  // At once, late, or too late.
  static http::Response Answer(std::uint64_t percent, const std::string& answer) {
    if (percent >= 70) std::this_thread::sleep_for(percent < 85 ? 400ms : 3000ms);
    return http::Response::Json(answer);
  }

  http::Response Take(const http::Request& request) {
    const auto wanted = Understand<v1::GatewayCharge>(request);
    if (!wanted) return http::Response::Text(400, "what?");
    std::uint64_t percent = 0;
    std::string answer;
    {
      absl::MutexLock lock(&mutex_);
      percent = random_.Below(100);
      const Mood mood = MoodOf(percent);
      if (mood == Mood::kOutOfOrder) return http::Response::Text(500, "out of order");
      const auto [charge, is_new] = charges_.try_emplace(wanted->attempt_id());
      if (is_new) {
        charge->second.request = *wanted;
        charge->second.state = mood == Mood::kNo      ? "declined"
                               : mood == Mood::kLater ? "pending"
                                                      : "paid";
        PlanWebhooks(wanted->attempt_id(), mood);
      }
      answer = ResultOf(wanted->attempt_id(), "");
    }
    return Answer(percent, answer);
  }

  http::Response SendBack(const http::Request& request) {
    const auto wanted = Understand<v1::GatewayRefund>(request);
    if (!wanted) return http::Response::Text(400, "what?");
    std::uint64_t percent = 0;
    std::string answer;
    {
      absl::MutexLock lock(&mutex_);
      percent = random_.Below(100);
      Mood mood = MoodOf(percent);
      if (mood == Mood::kOutOfOrder) return http::Response::Text(500, "out of order");
      if (!refunds_.contains(wanted->refund_id())) {
        if (LeftOf(wanted->reference()) < wanted->minor_units()) mood = Mood::kNo;
        Refund& refund = refunds_[wanted->refund_id()];
        refund.request = *wanted;
        refund.state = mood == Mood::kNo      ? "refused"
                       : mood == Mood::kLater ? "pending"
                                              : "refunded";
        PlanWebhooks(wanted->refund_id(), mood);
        if (refund.state == "refunded") PlanBounce(wanted->refund_id());
      }
      answer = ResultOf(wanted->refund_id(), "");
    }
    return Answer(percent, answer);
  }

  // Of what a charge took, what has not gone back and is not on its way; 0 of an unknown one.
  std::int64_t LeftOf(const std::string& reference) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::int64_t left = 0;
    for (const auto& [id, charge] : charges_) {
      if ("sim-" + id == reference && charge.state == "paid") left = charge.request.minor_units();
    }
    for (const auto& [id, refund] : refunds_) {
      if (refund.request.reference() != reference || CameBack(refund)) continue;
      left -= refund.request.minor_units();
    }
    return left;
  }

  static bool CameBack(const Refund& refund) {
    return refund.state == "refused" || refund.state == "bounced";
  }

  http::Response Tell(const http::Request& request) {
    absl::MutexLock lock(&mutex_);
    const std::string id(request.captures().front());
    if (!charges_.contains(id) && !refunds_.contains(id)) {
      return http::Response::Text(404, "never seen");
    }
    return http::Response::Json(ResultOf(id, ""));
  }

  // A line for each attempt that was paid and each refund that was sent: id, amount; and how many
  // webhooks still wait, which may change that, if any do.
  http::Response Truth() {
    absl::MutexLock lock(&mutex_);
    std::string lines;
    if (!due_.empty()) lines = fmt::format("waiting {}\n", due_.size());
    for (const auto& [id, charge] : charges_) {
      if (charge.state == "paid") lines += fmt::format("{} {}\n", id, charge.request.minor_units());
    }
    for (const auto& [id, refund] : refunds_) {
      if (refund.state != "refunded") continue;
      lines += fmt::format("{} {}\n", id, -refund.request.minor_units());
    }
    return http::Response::Text(200, lines);
  }

  // One to three of one event, at any time, so that some come before the answer and some twice at
  // the same moment; of a pending one later, when it is decided.
  void PlanWebhooks(const std::string& id, Mood mood) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto copies = 1 + random_.Below(3);
    const auto at = std::chrono::steady_clock::now() +
                    std::chrono::milliseconds(random_.Below(2) == 0 ? 0 : 50 + random_.Below(1500));
    for (std::uint64_t i = 0; i < copies; ++i) due_.push_back({at, id, "e-" + id});
    if (mood != Mood::kLater) return;
    due_.push_back({at + 1s, id, "decided-" + id});
    due_.push_back({at + 1s, id, "decided-" + id});
  }

  // Every third of those that were sent comes back, soon or later.
  void PlanBounce(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (++sent_ % 3 != 0) return;
    const auto at =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(random_.Below(3000));
    for (std::uint64_t i = 0; i < 1 + random_.Below(2); ++i) {
      due_.push_back({at, id, "bounced-" + id});
    }
  }

  void Decide(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool no = random_.Below(4) == 0;
    if (const auto charge = charges_.find(id); charge != charges_.end()) {
      if (charge->second.state == "pending") charge->second.state = no ? "declined" : "paid";
    }
    if (const auto refund = refunds_.find(id); refund != refunds_.end()) {
      if (refund->second.state != "pending") return;
      refund->second.state = no ? "refused" : "refunded";
      if (!no) PlanBounce(id);
    }
  }

  std::optional<Webhook> NextWebhook() {
    absl::MutexLock lock(&mutex_);
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto it = due_.begin(); it != due_.end(); ++it) {
      if (it->at > now) continue;
      Webhook next = *it;
      due_.erase(it);
      if (next.event_id.starts_with("decided-")) Decide(next.id);
      if (next.event_id.starts_with("bounced-")) refunds_[next.id].state = "bounced";
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
      body = ResultOf(webhook.id, webhook.event_id);
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

  std::string ResultOf(const std::string& id, const std::string& event_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::GatewayResult result;
    if (const auto charge = charges_.find(id); charge != charges_.end()) {
      result.set_attempt_id(id);
      result.set_state(charge->second.state);
      if (result.state() == "paid") {
        result.set_reference("sim-" + id);
        result.set_minor_units(charge->second.request.minor_units());
        result.set_currency(charge->second.request.currency());
      }
      if (result.state() == "declined") result.set_reason("card expired");
    } else if (const auto refund = refunds_.find(id); refund != refunds_.end()) {
      result.set_refund_id(id);
      result.set_state(refund->second.state);
      if (result.state() == "refunded" || result.state() == "bounced") {
        result.set_reference("back-" + id);
        result.set_minor_units(refund->second.request.minor_units());
        result.set_currency(refund->second.request.currency());
      }
      if (CameBack(refund->second)) result.set_reason("account closed");
    }
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
  std::map<std::string, Refund> refunds_ ABSL_GUARDED_BY(mutex_);
  int sent_ ABSL_GUARDED_BY(mutex_) = 0;  // refunds, some of which came back
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
