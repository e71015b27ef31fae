// The OSS API and its hooks, put together.
#pragma once

#include <vector>

#include "services/middleware/jobs.h"
#include "services/middleware/oss_accounts.h"
#include "services/middleware/oss_api.h"
#include "services/middleware/oss_boxes.h"
#include "services/middleware/oss_catalogue.h"
#include "services/middleware/oss_config.h"
#include "services/middleware/oss_hooks.h"
#include "services/middleware/oss_monitoring.h"

namespace holdfast::middleware {

class Oss {
 public:
  // All of it must outlive it.
  struct Parts {
    Audit& audit;
    BillingOffice& billing;
    SubscriptionDesk& desk;
    rpc::Channel& epg;
    CallContext context;
    storage::DiskSpool& hook_spool;
    Store& store;
    DeviceTable& devices;
    Entitlements& entitlements;
    AccountNotes& notes;
    ViewerWrites& writes;
    EventSender& events;
    const ReadModels& models;
    const StreamLinks& links;
    const Presence& presence;
    WorkerPool& workers;
    Metrics& metrics;
    telemetry::Metrics& registry;
    const Clock& clock;
  };

  Oss(const OssConfig& config, OssCredentials credentials, const Parts& parts);

  void AddRoutes(http::Router& router) { api_.AddRoutes(router); }
  std::vector<Job> Jobs();
  OssHooks& hooks() { return hooks_; }

 private:
  std::string LoginOf(const std::string& account, Deadline deadline);
  // The answer of a profile hook.
  absl::Status Apply(const StartedBox& box, const http::Form& fields, Deadline deadline);

  const Parts parts_;
  GuideOffice guide_;
  OssMonitoring monitoring_;
  OssAccounts accounts_;
  OssBoxes boxes_;
  OssCatalogue catalogue_;
  OssHooks hooks_;
  OssApi api_;
};

}  // namespace holdfast::middleware
