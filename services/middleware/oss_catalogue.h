// Resources of the OSS API about what is offered: tariffs, services_package, itv, epg.
#pragma once

#include "libs/rpc/channel.h"
#include "services/middleware/metrics.h"
#include "services/middleware/oss_call.h"
#include "services/middleware/oss_monitoring.h"
#include "services/middleware/read_models.h"
#include "services/middleware/store.h"
#include "services/middleware/subscription_desk.h"

namespace holdfast::middleware {

// The sources of the guide, which are epg's. Thread-safe; blocks.
class GuideOffice {
 public:
  GuideOffice(rpc::Channel& channel, const CallContext& context)
      : channel_(channel), context_(context) {}

  OssAnswer Show(const OssCall& call);
  OssAnswer Add(const OssCall& call);
  OssAnswer SwitchOff(const OssCall& call);

 private:
  template <class Response, class Request>
  absl::StatusOr<Response> Ask(const char* method, const Request& request, Deadline deadline);

  rpc::Channel& channel_;
  const CallContext context_;
};

// Thread-safe: no state of its own. Blocks: worker threads.
class OssCatalogue {
 public:
  // All of it must outlive it.
  struct Parts {
    Store& store;
    BillingOffice& billing;
    GuideOffice& guide;
    OssMonitoring& monitoring;
    const ReadModels& models;
    Metrics& metrics;
  };

  explicit OssCatalogue(const Parts& parts) : parts_(parts) {}

  OssAnswer Tariffs(const OssCall& call);
  OssAnswer Packages(const OssCall& call);
  OssAnswer Channels(const OssCall& call);
  OssAnswer Guide(const OssCall& call);

 private:
  absl::StatusOr<AccountSubscriptions> Sold(Deadline deadline);
  OssAnswer AddChannel(const OssCall& call);

  const Parts parts_;
};

}  // namespace holdfast::middleware
