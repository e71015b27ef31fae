// Who exists: the instances of a service. Who is alive is decided by the caller (libs/rpc).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::discovery {

struct Instance {
  std::string id;       // "middleware-a"; unique within the service
  std::string address;  // "127.0.0.1:50051"
  std::string zone;     // "a"; empty: unknown
  std::string version;
  int weight = 100;  // 1..1000

  friend bool operator==(const Instance&, const Instance&) = default;
};

// All instances of one service, sorted by id, each id once.
using InstanceSet = std::vector<Instance>;

// A running watch; dropping it stops the callbacks and returns only when none is running. Never
// drop it inside its own callback, nor while holding a lock that the callback wants.
class Watch {
 public:
  virtual ~Watch() = default;
};

// Thread-safe. Guards every set it delivers (guarded_set.h): an empty list is never believed, one
// of less than half only after it was seen for Options::shrink_hold; the last good set is on disk,
// and a process that starts while the back end is away starts from that file. (static: is the
// operator's word and is taken as it is.)
//
// Owns one thread (static: none), on which callbacks run: they must be quick and must not block.
// Destruction takes less than a second even if the back end hangs. Outlives its watches.
class Directory {
 public:
  using Callback = std::function<void(const InstanceSet&)>;

  virtual ~Directory() = default;

  // Calls back at once, before this returns, with the last good set if there is one; then at every
  // change, from the thread of the directory; callbacks of one watch never overlap. Never fails: a
  // back end that is away is retried with jittered back-off for ever. A service that was once
  // subscribed to is followed until the directory dies.
  virtual std::unique_ptr<Watch> Subscribe(std::string_view service, Callback callback) = 0;

  // Makes this process findable until the returned object dies (which unregisters at once, best
  // effort, within half a second). Never fails and never blocks: a back end that is away is
  // retried; on its return the instance registers again. Two processes that register one id: the
  // last one to do so is seen, the other notices and logs it. Back ends without registration
  // (static, dns) answer null.
  virtual std::unique_ptr<Watch> Register(std::string_view service, const Instance& self) = 0;

  // "etcd: connected", "etcd: 127.0.0.1:2379 refused, 12 s, serving last good set": for people.
  virtual std::string Describe() const = 0;
};

struct Options {
  // static:billing=127.0.0.1:1@a,127.0.0.1:2@b;epg=127.0.0.1:3   (address@zone; id = address)
  // dns:{service}.holdfast.svc.cluster.local:50051[?server=127.0.0.1:5353]
  //     A records of the full name, asked for every dns_interval; '_' in a service becomes '-';
  //     id = address; a failing resolve keeps the last set
  // etcd:http://127.0.0.1:2379,http://127.0.0.2:2379   tried in turn
  //     <key_prefix><service>/<id> = {"address":..,"zone":..,"version":..,"weight":..} under a
  //     lease; values that cannot be read are skipped and logged
  std::string spec;
  std::string snapshot_dir;                        // last good sets; empty: none kept
  std::string key_prefix = "/holdfast/services/";  // etcd only
  std::chrono::milliseconds dns_interval = std::chrono::seconds(5);
  std::chrono::milliseconds lease_ttl = std::chrono::seconds(5);  // etcd only, whole seconds, >= 2
  std::chrono::milliseconds shrink_hold = std::chrono::seconds(30);
};

// INVALID_ARGUMENT for a spec that cannot be read. Never waits for the back end. Clock and Random
// must outlive the directory, the metrics too.
//
// Metrics: holdfast_discovery_instances{service}, holdfast_discovery_backend_up{backend},
// holdfast_discovery_guarded_total{service}: lists that were kept back.
absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const Options& options, const Clock& clock,
                                                         Random& random,
                                                         telemetry::Metrics& metrics);

}  // namespace holdfast::discovery
