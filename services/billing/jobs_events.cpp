#include "services/billing/jobs_events.h"

#include <algorithm>
#include <memory>

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

absl::StatusOr<bool> EventSender::Send(const StoredEvent& event, Deadline deadline) {
  const WallTime now = parts_.clock.Now();
  const absl::StatusOr<int> answer = post_(deadline.AtMost(config_.timeout), event.body,
                                           SignMessage(config_.secret, event.body, now));
  StoredEvent after = event;
  ++after.tries;
  const bool taken = answer.ok() && *answer >= 200 && *answer < 300;
  if (taken) {
    after.delivered_at = now;
  } else if (now - event.created_at > kGiveUpEventAfter) {
    after.given_up_at = now;
  } else {
    const auto pause = std::chrono::duration<double>(PauseBeforeTry(after.tries));
    const auto jittered = pause * (0.8 + 0.4 * parts_.random.Uniform());
    after.try_at = now + std::chrono::duration_cast<std::chrono::milliseconds>(jittered);
  }
  HOLDFAST_RETURN_IF_ERROR(parts_.store.SaveEvent(deadline.AtMost(kStepTimeout), after));
  parts_.metrics.webhooks_out.With({taken               ? "taken"
                                    : after.given_up_at ? "given_up"
                                                        : "retried"})
      .Add();
  return taken;
}

absl::Status EventSender::Run(Deadline deadline) {
  while (!deadline.Passed()) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<StoredEvent> due,
                              parts_.store.EventsToSend(deadline.AtMost(kStepTimeout),
                                                        parts_.clock.Now(), kEventsAtOnce));
    std::size_t taken = 0;
    for (const StoredEvent& event : due) {
      if (deadline.Passed()) return absl::OkStatus();
      HOLDFAST_ASSIGN_OR_RETURN(const bool was_taken, Send(event, deadline));
      taken += was_taken ? 1 : 0;
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
