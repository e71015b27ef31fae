// Billing: who pays for what, and therefore who may watch what. Owns golden data.
// Start reading at domain/, then store.h, then service.cpp.

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "libs/app/app.h"
#include "libs/base/status.h"
#include "libs/security/key_folder.h"
#include "services/billing/books_service.h"
#include "services/billing/config.h"
#include "services/billing/entitlements.h"
#include "services/billing/gateways_service.h"
#include "services/billing/jobs.h"
#include "services/billing/jobs_books.h"
#include "services/billing/jobs_events.h"
#include "services/billing/jobs_rentals.h"
#include "services/billing/metrics.h"
#include "services/billing/payments_service.h"
#include "services/billing/pg_store.h"
#include "services/billing/service.h"

namespace holdfast::billing {

absl::Status Run(const Config& config, app::Runtime& runtime) {
  using namespace std::chrono_literals;
  Metrics metrics(runtime.metrics());
  const std::optional<TimeZone> zone = TimeZone::Load(config.time_zone);
  HOLDFAST_ASSIGN_OR_RETURN(const DunningSchedule reminders,
                            ParseDunningSchedule(config.dunning_days));
  if (!zone) return InvalidArgument("time zone {} is unknown to this machine", config.time_zone);

  // State. Billing is the only reader and writer of its tables. Without them nothing can be bought
  // or changed; what accounts may watch is answered from the last copy, also after a restart.
  storage::PgPool postgres = runtime.OpenPostgres(config.postgres);
  PgStore store(postgres, config.webhook.url.empty() ? Events::kNone : Events::kWritten,
                &runtime.clock());
  security::KeyFolder keys(config.entitlement_keys, security::KeyFolder::Need::kToSign);
  HOLDFAST_RETURN_IF_ERROR(Annotate(keys.Reload(), "entitlement_keys"));
  Entitlements entitlements(
      {store, metrics, runtime.workers(), runtime.clock(), runtime.metrics(), *zone, &keys},
      runtime.DataPath("entitlements"));
  std::atomic<bool> has_schema = false;
  runtime.MigrateInBackground(postgres, Migrations(), [&] { has_schema = true; });

  // What billing offers, and what it does unasked.
  Service service(store, entitlements, metrics, runtime.clock());
  BooksService books(store, metrics, runtime.clock(), *zone);
  EntitlementFeed feed(store, entitlements, metrics);
  const bool has_gateway = !config.gateway.url.empty();
  PaymentsService payments(store, entitlements, runtime.clock(),
                           has_gateway ? config.gateway.name : "");
  RenewalJob renewals(store, metrics, runtime.clock(), *zone);
  ExpiryJob expiry(store, metrics, runtime.clock(), *zone);
  ForgetJob forget(store);
  VerifyJob verify(store, metrics, runtime.clock());
  HoldExpiryJob hold_expiry(store, runtime.clock(), *zone);
  RentalExpiryJob rental_expiry(store, runtime.clock());
  PackageFeed packages(store);
  DunningJob dunning(store, metrics, reminders);
  HOLDFAST_ASSIGN_OR_RETURN(const EventSender::Post post, PostTo(config.webhook));
  EventSender events({store, metrics, runtime.clock(), runtime.random()}, config.webhook, post);
  HttpGateway gateway(config.gateway, runtime.clock());
  HOLDFAST_RETURN_IF_ERROR(gateway.CheckConfig());
  GatewaysService gateways({store, entitlements, metrics, runtime.clock(),
                            has_gateway ? &gateway : nullptr, config.gateway.first_look});

  runtime.Serve(service);
  runtime.Serve(books);
  runtime.Serve(payments);
  runtime.Serve(gateways);
  if (has_gateway) {
    http::Router router;
    router.Post("/webhooks/gateway", http::Worker(runtime.workers(), [&](const http::Request& r) {
                  return gateways.TakeWebhook(r, config.gateway.secret);
                }));
    runtime.ServeHttp(config.http, std::move(router));
  }
  runtime.Publish(feed.publication());
  runtime.Repeat("entitlement_feed", config.feed_interval,
                 [&](Deadline deadline) { return feed.Run(deadline); });
  runtime.Publish(packages.publication());
  runtime.Repeat("package_feed", config.feed_interval,
                 [&](Deadline deadline) { return packages.Run(deadline); });
  runtime.Repeat("entitlement_keys", 5s, [&](Deadline) { return keys.Reload(); });
  runtime.Repeat("save_entitlements", 10s, [&](Deadline) { return entitlements.SaveToDisk(); });
  runtime.RepeatOnOneInstance(
      "expiry", config.postgres, config.expiry_interval,
      [&](Deadline deadline) -> absl::Status {
        // A long night takes several runs. Until all are charged nobody is ended or reminded.
        HOLDFAST_ASSIGN_OR_RETURN(const Progress charged, renewals.Run(deadline));
        if (charged == Progress::kMoreToDo) return absl::OkStatus();
        HOLDFAST_ASSIGN_OR_RETURN(const Progress ended, expiry.Run(deadline));
        if (ended == Progress::kMoreToDo) return absl::OkStatus();
        HOLDFAST_ASSIGN_OR_RETURN(const sys_days today,
                                  AgreedToday(store, runtime.clock(), *zone, deadline));
        // Collected first: what was paid needs no reminder. Half of the time, and whatever becomes
        // of it, the reminders go on.
        absl::Status collected;
        if (config.gateway.collect) {
          collected =
              gateways.CollectDue(today, reminders, deadline.AtMost(deadline.Remaining() / 2));
        }
        HOLDFAST_RETURN_IF_ERROR(dunning.RunFor(today, deadline));
        return collected;
      },
      [&] { metrics.parked.Set(0); });
  runtime.RepeatOnOneInstance("forget", config.postgres, 1h,
                              [&](Deadline deadline) { return forget.Run(deadline); });

  runtime.RepeatOnOneInstance("verify_books", config.postgres, config.verify_interval,
                              [&](Deadline deadline) { return verify.Run(deadline); });
  runtime.RepeatOnOneInstance("hold_expiry", config.postgres, config.expiry_interval,
                              [&](Deadline deadline) { return hold_expiry.Run(deadline); });

  runtime.RepeatOnOneInstance("rental_expiry", config.postgres, config.expiry_interval,
                              [&](Deadline deadline) { return rental_expiry.Run(deadline); });

  runtime.RepeatOnOneInstance(
      "payment_attempts", config.postgres,
      std::min<std::chrono::milliseconds>(config.gateway.first_look, 10s),
      [&](Deadline deadline) { return gateways.LookAfterOpenAttempts(deadline); },
      [&] { metrics.attempts_stuck.Set(0); });
  runtime.RepeatOnOneInstance(
      "refunds", config.postgres,
      std::min<std::chrono::milliseconds>(config.gateway.first_look, 10s),
      [&](Deadline deadline) { return gateways.LookAfterOpenRefunds(deadline); });
  if (!config.webhook.url.empty()) {
    runtime.RepeatOnOneInstance("webhooks", config.postgres, 500ms,
                                [&](Deadline deadline) { return events.Run(deadline); });
  }

  runtime.ReportDependency("postgres", [&](Deadline deadline) { return postgres.Ping(deadline); });
  runtime.ReadyWhen("entitlements", [&] { return has_schema || !entitlements.empty(); });
  return runtime.RunUntilStopped();
}

}  // namespace holdfast::billing

int main(int argc, char** argv) {
  return holdfast::app::Main<holdfast::billing::Config>(argc, argv, "billing",
                                                        holdfast::billing::Run);
}
