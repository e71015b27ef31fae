// What the operator's own billing is told (portal protocol, section 15.4), behind the back of every
// box: nothing waits for an answer, and no answer changes nothing.
//
//   profile hook      each start of a box. Waits in memory, the newest of each box, for ten minutes
//                     at most; a positive answer changes the account as a PUT of the OSS API would.
//   (un)subscribe     a viewer added or dropped a package on the box. Waits on disk until a hook
//                     answered, for a week at most.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/base/string_map.h"
#include "libs/http/message.h"
#include "libs/http/tls_trust.h"
#include "libs/storage/disk_spool.h"
#include "libs/telemetry/metrics.h"
#include "services/middleware/oss_config.h"

namespace holdfast::middleware {

struct StartedBox {
  std::string mac;
  std::string serial_number;
  std::string model;
  std::string locale;
  std::string address;
  std::string account;  // "" if it has none
};

struct PackageChange {
  std::string mac;
  std::string tariff_plan;
  std::string package;
  bool added = false;
};

// BoxStarted: any thread, never blocks. PackageChanged: worker threads. Deliver: one job thread.
class OssHooks {
 public:
  // Makes the fields of a hook's answer true: names are those of a PUT of accounts.
  using Apply =
      std::function<absl::Status(const StartedBox& box, const http::Form& fields, Deadline)>;

  struct Parts {  // outlive it
    storage::DiskSpool& spool;
    telemetry::Metrics& metrics;
    const Clock& clock;
  };
  // The login of an account; "" if nobody can tell. May block.
  using LoginOf = std::function<std::string(const std::string& account, Deadline)>;

  OssHooks(const OssConfig& config, Apply apply, LoginOf login_of, const Parts& parts);

  void BoxStarted(StartedBox box);
  void PackageChanged(const PackageChange& change);

  // Tells hooks what waits, until the deadline or until one cannot be reached.
  absl::Status Deliver(Deadline deadline);

  std::size_t waiting() const;

 private:
  struct Waiting {
    StartedBox box;
    std::int64_t since = 0;  // epoch seconds
  };

  absl::Status DeliverProfiles(Deadline deadline);
  absl::Status DeliverPackages(Deadline deadline);
  bool TakeOne(Waiting& out);
  void PutBack(Waiting waiting);

  const OssConfig config_;
  const http::TlsTrust trust_;
  const Apply apply_;
  const LoginOf login_of_;
  storage::DiskSpool& spool_;
  const Clock& clock_;
  telemetry::CounterFamily calls_;

  mutable absl::Mutex mutex_;
  StringMap<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);  // by MAC
};

// The fields of a profile hook's answer that change an account, as a form; empty for anything that
// is not a positive answer.
http::Form ProfileAnswerFields(std::string_view body);

}  // namespace holdfast::middleware
