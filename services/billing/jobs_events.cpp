#include "services/billing/jobs_events.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "libs/base/status.h"
#include "libs/http/client.h"
#include "services/billing/signature.h"

namespace holdfast::billing {
namespace {

constexpr auto kStepTimeout = std::chrono::seconds(3);
constexpr int kEventsAtOnce = 100;
constexpr int kInvoicesAtOnce = 200;

}  // namespace

void WebhookConfig::Describe(config::Knobs& k) {
  using namespace std::chrono_literals;
  k.Text("url", url,
         "Who is told of changed subscriptions, invoices, payments and reminders: "
         "https://host/path, or http:// on this machine. Empty: nobody.");
  k.Text("ca_file", ca_file,
         "Certificates (PEM) of the authorities that are believed about the receiver; read again "
         "when it changes. Empty: the system's.");
  k.Secret("secret", secret, "Secret that signs what is told.");
  k.Duration("timeout", timeout, {.min = 100ms, .max = 60s}, "Time the receiver gets to answer.");
  k.Int("at_once", at_once, {.min = 1, .max = 64},
        "How many events are sent at the same time, each over a connection of its own.");
}

absl::StatusOr<EventSender::Post> PostTo(const WebhookConfig& config) {
  auto trust = std::make_shared<http::TlsTrust>(config.ca_file);
  if (!config.url.empty()) {
    if (absl::Status status = http::CheckUrl(config.url); !status.ok()) {
      return Annotate(status, "webhook_url");
    }
    // Everybody can sign with no key, so a receiver could not tell us from anybody.
    if (config.secret.empty()) {
      return InvalidArgument("webhook_secret_file: webhook_url needs a secret that signs");
    }
    if (absl::Status status = config.ca_file.empty() ? absl::OkStatus() : trust->Check();
        !status.ok()) {
      return Annotate(status, "webhook_ca_file");
    }
  }
  return [config, trust](Deadline deadline, const std::string& body,
                         const std::string& signature) -> absl::StatusOr<int> {
    HOLDFAST_ASSIGN_OR_RETURN(const http::ClientResponse answer,
                              http::Fetch({.method = "POST",
                                           .url = config.url,
                                           .headers = {{"Content-Type", "application/json"},
                                                       {std::string(kSignatureHeader), signature}},
                                           .body = body,
                                           .trust = trust.get()},
                                          deadline));
    return answer.status;
  };
}

StoredEvent EventSender::After(const StoredEvent& event, const absl::StatusOr<int>& answer,
                               WallTime now) {
  StoredEvent after = event;
  ++after.tries;
  if (answer.ok() && *answer >= 200 && *answer < 300) {
    after.delivered_at = now;
  } else if (now - event.created_at > kGiveUpEventAfter) {
    after.given_up_at = now;
  } else {
    const auto pause = std::chrono::duration<double>(PauseBeforeTry(after.tries));
    const auto jittered = pause * (0.8 + 0.4 * parts_.random.Uniform());
    after.try_at = now + std::chrono::duration_cast<std::chrono::milliseconds>(jittered);
  }
  return after;
}

absl::StatusOr<std::size_t> EventSender::Send(std::span<const StoredEvent> together,
                                              Deadline deadline) {
  const WallTime now = parts_.clock.Now();
  std::vector<absl::StatusOr<int>> answers(together.size());
  {
    std::vector<std::jthread> senders;
    for (std::size_t i = 0; i < together.size(); ++i) {
      senders.emplace_back([&, i] {
        answers[i] = post_(deadline.AtMost(config_.timeout), together[i].body,
                           SignMessage(config_.secret, together[i].body, now));
      });
    }
  }
  std::vector<StoredEvent> after;
  for (std::size_t i = 0; i < together.size(); ++i) {
    after.push_back(After(together[i], answers[i], now));
  }
  // They were sent, whatever time is left: what is not written down now is sent again.
  HOLDFAST_RETURN_IF_ERROR(parts_.store.SaveEvents(Deadline::After(kStepTimeout), after));
  std::size_t taken = 0;
  for (const StoredEvent& event : after) {
    taken += event.delivered_at ? 1 : 0;
    parts_.metrics.webhooks_out
        .With({event.delivered_at  ? "taken"
               : event.given_up_at ? "given_up"
                                   : "retried"})
        .Add();
  }
  return taken;
}

absl::Status EventSender::Run(Deadline deadline) {
  const auto at_once = static_cast<std::size_t>(config_.at_once);
  while (!deadline.Passed()) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<StoredEvent> due,
                              parts_.store.EventsToSend(deadline.AtMost(kStepTimeout),
                                                        parts_.clock.Now(), kEventsAtOnce));
    std::size_t taken = 0;
    for (std::span<const StoredEvent> left(due); !left.empty();) {
      if (deadline.Passed()) return absl::OkStatus();
      const auto together = left.first(std::min(at_once, left.size()));
      HOLDFAST_ASSIGN_OR_RETURN(const std::size_t now_taken, Send(together, deadline));
      taken += now_taken;
      left = left.subspan(together.size());
    }
    // Nobody takes any: the next round is soon enough.
    if (due.size() < kEventsAtOnce || taken == 0) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status DunningJob::RunFor(sys_days today, Deadline deadline) {
  std::size_t told = 0;
  do {
    HOLDFAST_RETURN_IF_ERROR(
        store_.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
          told = 0;
          HOLDFAST_ASSIGN_OR_RETURN(const std::vector<OverdueInvoice> overdue,
                                    tx.OverdueInvoices(today, schedule_, kInvoicesAtOnce));
          for (const OverdueInvoice& one : overdue) {
            const int step = DunningStep(schedule_, one.invoice.due_on, today);
            HOLDFAST_ASSIGN_OR_RETURN(const bool is_new,
                                      tx.AddDunningNotice(one.invoice.id, step, today));
            if (!is_new) continue;
            tx.Tell(DunningNotice(one.invoice, step));
            ++told;
          }
          return absl::OkStatus();
        }));
    metrics_.dunning_notices.Add(static_cast<double>(told));
  } while (told > 0 && !deadline.Passed());
  return absl::OkStatus();
}

}  // namespace holdfast::billing
