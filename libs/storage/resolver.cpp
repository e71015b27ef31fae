#include "libs/storage/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <memory>
#include <thread>

#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/status.h"
#include "libs/base/string_map.h"

namespace holdfast::storage {
namespace {

bool IsNumeric(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address) == 1;
}

std::vector<std::string> AskSystem(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  std::vector<std::string> addresses;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return addresses;
  for (const addrinfo* it = found; it != nullptr; it = it->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(it->ai_addr, it->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) ==
        0) {
      addresses.emplace_back(text);
    }
  }
  freeaddrinfo(found);
  return addresses;
}

// What is known of one name. Shared with the thread that asks, which may live longer than we care.
struct Name {
  absl::Mutex mutex;
  bool asking ABSL_GUARDED_BY(mutex) = false;
  std::uint64_t answers ABSL_GUARDED_BY(mutex) = 0;
  std::vector<std::string> addresses ABSL_GUARDED_BY(mutex);
};

std::shared_ptr<Name> NameOf(const std::string& host) {
  static absl::Mutex mutex;
  static auto* const names = new StringMap<std::shared_ptr<Name>>;
  absl::MutexLock lock(&mutex);
  std::shared_ptr<Name>& name = (*names)[host];
  if (name == nullptr) name = std::make_shared<Name>();
  return name;
}

void Ask(const std::shared_ptr<Name>& name, const std::string& host) {
  std::vector<std::string> addresses = AskSystem(host);
  absl::MutexLock lock(&name->mutex);
  name->asking = false;
  if (!addresses.empty()) name->addresses = std::move(addresses);
  ++name->answers;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ResolveHost(const std::string& host, Deadline deadline) {
  if (IsNumeric(host)) return std::vector<std::string>{host};
  const std::shared_ptr<Name> name = NameOf(host);
  absl::MutexLock lock(&name->mutex);
  const std::uint64_t before = name->answers;
  if (!name->asking) {
    name->asking = true;
    std::thread([name, host] { Ask(name, host); }).detach();
  }
  const auto answered = [&name, before]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(name->mutex) {
    return name->answers != before;
  };
  name->mutex.AwaitWithTimeout(absl::Condition(&answered), absl::FromChrono(deadline.Remaining()));
  if (name->addresses.empty()) return Unavailable("cannot resolve {}", host);
  return name->addresses;
}

std::vector<HostPort> ParseHosts(std::string_view hosts, std::string_view default_port) {
  std::vector<HostPort> parsed;
  for (const absl::string_view piece :
       absl::StrSplit(absl::string_view(hosts.data(), hosts.size()), ',')) {
    std::string_view part = View(piece);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (part.empty()) continue;
    HostPort host{std::string(part), std::string(default_port)};
    const auto colon = part.rfind(':');
    const bool bare_ipv6 = part.find(':') != colon && !part.starts_with('[');
    if (colon != std::string_view::npos && !bare_ipv6 && part.back() != ']') {
      host = {std::string(part.substr(0, colon)), std::string(part.substr(colon + 1))};
    }
    if (host.host.starts_with('[') && host.host.ends_with(']')) {
      host.host = host.host.substr(1, host.host.size() - 2);
    }
    parsed.push_back(std::move(host));
  }
  return parsed;
}

}  // namespace holdfast::storage
