// A records of names, by c-ares: several questions at a time on one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"

namespace holdfast::discovery {

// Not thread-safe: one thread calls everything. Answers run inside Wait, or with CANCELLED in the
// destructor.
class DnsResolver {
 public:
  // Dotted addresses; empty: the name exists without A records or does not exist, which is an
  // answer too. An error: nobody answered usefully.
  using Answer = std::function<void(absl::StatusOr<std::vector<std::string>>)>;

  // `server` is "host:port" with a numeric host; empty: as in /etc/resolv.conf.
  static absl::StatusOr<std::unique_ptr<DnsResolver>> Open(const std::string& server);
  ~DnsResolver();
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;

  // Answers within about two seconds, whatever the server does.
  void Ask(const std::string& name, Answer answer);

  // Serves sockets and time-outs until something happened, `wake_fd` is readable or `at_most` is
  // over.
  void Wait(int wake_fd, Duration at_most);

 private:
  struct Impl;
  explicit DnsResolver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::discovery
