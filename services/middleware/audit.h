// Who changed what. Each change of an operator is written down before it begins and its outcome
// behind it: nothing is changed that the log does not name, and a change whose outcome is missing
// is one whose instance died. Decision 0020.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "libs/base/clock.h"
#include "services/middleware/audit_store.h"

namespace holdfast::middleware {

// Who asks for a change.
struct Actor {
  std::string name;     // "operator:ada", "service:billing", "local"
  std::string address;  // "" if it is not known
};

// What the log says of a request, from its fields alone.
std::string AuditAction(const google::protobuf::Message& request);   // "PutDevice"
std::string AuditObject(const google::protobuf::Message& request);   // "mac 00:1A:..", or ""
std::string AuditRequest(const google::protobuf::Message& request);  // JSON, long texts cut
// A dry run changes nothing.
bool IsDryRun(const google::protobuf::Message& request);

// Thread-safe. Everything it is given outlives it. Blocks.
class Audit {
 public:
  Audit(AuditStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Runs `act`, a function without parameters that returns absl::StatusOr<...>. When the log cannot
  // be written, `act` is not run and the answer is why.
  template <class Act>
  auto Do(const Actor& actor, const google::protobuf::Message& request, Deadline deadline,
          const Act& act) -> decltype(act()) {
    if (IsDryRun(request)) return act();
    return Do({.actor = actor.name,
               .address = actor.address,
               .action = AuditAction(request),
               .object = AuditObject(request),
               .request = AuditRequest(request)},
              deadline, act);
  }

  // The same for what is no message: `entry` without id, time and outcome.
  template <class Act>
  auto Do(AuditEntry entry, Deadline deadline, const Act& act) -> decltype(act()) {
    const absl::StatusOr<std::int64_t> begun = Begin(std::move(entry), deadline);
    if (!begun.ok()) return begun.status();
    auto done = act();
    End(*begun, done.status());
    return done;
  }

  AuditStore& store() { return store_; }

 private:
  absl::StatusOr<std::int64_t> Begin(AuditEntry entry, Deadline deadline);
  void End(std::int64_t entry, const absl::Status& status);

  AuditStore& store_;
  const Clock& clock_;
};

}  // namespace holdfast::middleware
