// Addresses (A, AAAA) and services (SRV) of names, by c-ares: several questions at a time on one
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"

namespace holdfast::discovery {

struct DnsEndpoint {
  std::string host;    // "10.0.0.7", "[2001:db8::7]"
  std::string target;  // services: the name behind which `host` is
  int port = 0;        // services only, and the weight
  int weight = 0;      // 0..65535
};

struct DnsAnswer {
  // Empty: the name exists without such records or does not exist, which is an answer too.
  std::vector<DnsEndpoint> endpoints;
  std::chrono::seconds ttl{0};  // for how long all of it holds; 0 if nothing was said
};

// Not thread-safe: one thread calls everything. Answers run inside the questions, inside Wait, or
// with CANCELLED in the destructor.
class DnsResolver {
 public:
  // An error: nobody answered usefully.
  using Answer = std::function<void(absl::StatusOr<DnsAnswer>)>;

  // `server` is "host:port" with a numeric host; empty: as in /etc/resolv.conf.
  static absl::StatusOr<std::unique_ptr<DnsResolver>> Open(const std::string& server);
  ~DnsResolver();
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;

  // IPv4 addresses if the name has some, else IPv6 ones: an instance with both is one instance.
  // Answers within about two seconds, whatever the server does.
  void AskAddresses(const std::string& name, Answer answer);

  // SRV records of the first priority, and the addresses of their targets. Twice as long.
  void AskServices(const std::string& name, Answer answer);

  // Serves sockets and time-outs until something happened, `wake_fd` is readable or `at_most` is
  // over.
  void Wait(int wake_fd, Duration at_most);

 private:
  struct Impl;
  explicit DnsResolver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::discovery
