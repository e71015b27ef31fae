#include "services/cdn_routing/host_addresses.h"

#include <arpa/inet.h>
#include <pthread.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "libs/base/deadline.h"
#include "libs/storage/resolver.h"

namespace holdfast::cdn_routing {
namespace {

using namespace std::chrono_literals;

constexpr Duration kResolveEvery = 30s;
constexpr Duration kResolveAgainAfterFailure = 1s;
constexpr Duration kForgetAfter = 5min;
constexpr Duration kPatience = 1s;
constexpr absl::Duration kLongestPause = absl::Milliseconds(200);

std::optional<SocketAddress> ParseNumeric(const std::string& host, std::uint16_t port) {
  SocketAddress address;
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
    return address;
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.length = sizeof v6;
    return address;
  }
  return std::nullopt;
}

}  // namespace

HostAddresses::HostAddresses() : thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), "edge-names");
}

HostAddresses::~HostAddresses() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  thread_.join();
}

std::optional<std::vector<SocketAddress>> HostAddresses::Of(const std::string& host,
                                                            std::uint16_t port) {
  if (const auto numeric = ParseNumeric(host, port)) return std::vector<SocketAddress>{*numeric};
  absl::MutexLock lock(&mutex_);
  const auto [entry, is_new] = names_.try_emplace(host);
  Name& name = entry->second;
  name.wanted_at = SystemClock::Get().SteadyNow();
  if (is_new) wake_.Signal();
  if (!name.tried) return std::nullopt;
  std::vector<SocketAddress> found;
  for (const std::string& address : name.addresses) {
    if (const auto parsed = ParseNumeric(address, port)) found.push_back(*parsed);
  }
  return found;
}

std::string HostAddresses::NextDue() {
  absl::MutexLock lock(&mutex_);
  while (!stopping_) {
    const SteadyTime now = SystemClock::Get().SteadyNow();
    absl::erase_if(names_,
                   [&](const auto& item) { return now - item.second.wanted_at > kForgetAfter; });
    for (const auto& [host, name] : names_) {
      if (name.resolve_at <= now) return host;
    }
    wake_.WaitWithTimeout(&mutex_, kLongestPause);
  }
  return "";
}

void HostAddresses::Run() {
  for (std::string host = NextDue(); !host.empty(); host = NextDue()) {
    absl::StatusOr<std::vector<std::string>> resolved =
        storage::ResolveHost(host, Deadline::After(kPatience));
    absl::MutexLock lock(&mutex_);
    Name& name = names_[host];
    name.tried = true;
    const SteadyTime now = SystemClock::Get().SteadyNow();
    name.resolve_at = now + (resolved.ok() ? kResolveEvery : kResolveAgainAfterFailure);
    if (resolved.ok()) name.addresses = *std::move(resolved);
  }
}

}  // namespace holdfast::cdn_routing
