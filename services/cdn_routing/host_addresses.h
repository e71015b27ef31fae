// Socket addresses of hosts without ever waiting: numeric ones at once, names as a thread of its
// own resolved them last. A name that cannot be resolved any more keeps its last addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "services/cdn_routing/probe_connection.h"

namespace holdfast::cdn_routing {

// Thread-safe. The destructor waits for a question under way, at most about a second.
class HostAddresses {
 public:
  HostAddresses();
  ~HostAddresses();
  HostAddresses(const HostAddresses&) = delete;
  HostAddresses& operator=(const HostAddresses&) = delete;

  // Nothing yet while a new name is being resolved, which takes at most about a second; empty: it
  // cannot be resolved. Asking keeps the name fresh.
  std::optional<std::vector<SocketAddress>> Of(const std::string& host, std::uint16_t port);

 private:
  struct Name {
    std::vector<std::string> addresses;  // numeric
    bool tried = false;                  // at least once
    SteadyTime resolve_at;
    SteadyTime wanted_at;  // a name that nobody asks for is forgotten
  };

  void Run();
  std::string NextDue();  // empty: to stop

  absl::Mutex mutex_;
  absl::CondVar wake_;
  StringMap<Name> names_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace holdfast::cdn_routing
