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

// What an instance wants, as its registry tells it; whether it is alive is another question.
enum class State {
  kServing,
  kDraining,  // takes no new calls; connections and running calls stay
};

struct Instance {
  std::string id;       // "middleware-a"; unique within the service
  std::string address;  // "127.0.0.1:50051"
  std::string zone;     // "a"; empty: unknown
  std::string version;
  int weight = 100;  // 1..1000
  State state = State::kServing;

  friend bool operator==(const Instance&, const Instance&) = default;
};

// Whether what was `a` may keep its connections as `b`: all but weight and state is equal.
bool SameProcess(const Instance& a, const Instance& b);

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
  // (static, file, dns, kubernetes) answer null.
  virtual std::unique_ptr<Watch> Register(std::string_view service, const Instance& self) = 0;

  // Shows everything that this process registered as draining, from now on until it unregisters.
  // Never blocks. Nothing to do for back ends without registration: Kubernetes knows it by itself.
  virtual void Drain() {}

  // For people. The first line is "etcd: connected" or "etcd: 127.0.0.1:2379 refused, 12 s, serving
  // last good set"; then each service with its instances and the registrations of this process.
  virtual std::string Describe() const = 0;
};

// The spec of each back end in full: docs/discovery.md.
struct Options {
  // static:billing=127.0.0.1:1@a,127.0.0.1:2@b*50;epg=127.0.0.1:3   (address@zone*weight)
  // file:/etc/holdfast/instances.json
  // dns:{service}.holdfast.svc.cluster.local:50051     A or AAAA records of the full name
  // dns:_grpc._tcp.{service}.holdfast.svc.cluster.local      SRV records
  // etcd:https://10.0.0.1:2379,https://10.0.0.2:2379?ca=/etc/etcd/ca.pem    tried in turn
  //     <key_prefix><service>/<id> = instance_text.h under a lease; values that cannot be read are
  //     skipped and logged
  // kubernetes:           EndpointSlices of the own namespace, as the pod is told to reach them
  std::string spec;
  std::string snapshot_dir;                        // last good sets; empty: none kept
  std::string key_prefix = "/holdfast/services/";  // etcd only
  // Two questions for a name are this far apart, or as far as the answer's TTL says up to the
  // longest.
  std::chrono::milliseconds dns_interval = std::chrono::seconds(5);
  std::chrono::milliseconds dns_longest_interval = std::chrono::seconds(30);
  // How often a file is looked at when nothing says that it changed.
  std::chrono::milliseconds file_interval = std::chrono::seconds(5);
  // After this long a watch is opened anew, so that a hung API server is noticed. Whole seconds.
  std::chrono::milliseconds kubernetes_watch = std::chrono::seconds(60);
  std::chrono::milliseconds lease_ttl = std::chrono::seconds(5);  // etcd only, whole seconds, >= 2
  std::chrono::milliseconds shrink_hold = std::chrono::seconds(30);
};

// INVALID_ARGUMENT for a spec that cannot be read. Never waits for the back end. Clock and Random
// must outlive the directory, the metrics too.
//
// Metrics: docs/metrics.md, "libs/discovery".
absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const Options& options, const Clock& clock,
                                                         Random& random,
                                                         telemetry::Metrics& metrics);

}  // namespace holdfast::discovery
