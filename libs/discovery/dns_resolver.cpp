#include "libs/discovery/dns_resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"

namespace holdfast::discovery {
namespace {

constexpr int kTimeoutMs = 500;  // of the first try; the second gets twice as much
constexpr int kTries = 2;
constexpr int kMaxRecords = 256;
constexpr std::size_t kMaxTargets = 128;

using Reply = std::function<void(int status, const unsigned char* bytes, int length)>;

void OnReply(void* argument, int status, int /*timeouts*/, unsigned char* bytes, int length) {
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(argument));
  (*reply)(status, bytes, length);
}

// OK for "there are none", which leaves what is read from the answer empty.
absl::Status StatusOfReply(int status) {
  switch (status) {
    case ARES_SUCCESS:
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
      return absl::OkStatus();
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
      return absl::CancelledError("resolver closed");
    default:
      return Unavailable("{}", ares_strerror(status));
  }
}

std::string TextOf(const ares_addrttl& record) {
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &record.ipaddr, text, sizeof text);
  return text;
}

std::string TextOf(const ares_addr6ttl& record) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, &record.ip6addr, text, sizeof text);
  return fmt::format("[{}]", text);
}

int Parse(const unsigned char* bytes, int length, ares_addrttl* records, int* count) {
  return ares_parse_a_reply(bytes, length, nullptr, records, count);
}
int Parse(const unsigned char* bytes, int length, ares_addr6ttl* records, int* count) {
  return ares_parse_aaaa_reply(bytes, length, nullptr, records, count);
}

template <class Record>
absl::StatusOr<DnsAnswer> ReadAddresses(int status, const unsigned char* bytes, int length) {
  HOLDFAST_RETURN_IF_ERROR(StatusOfReply(status));
  DnsAnswer answer;
  if (status != ARES_SUCCESS) return answer;
  std::array<Record, kMaxRecords> records;
  int count = kMaxRecords;
  HOLDFAST_RETURN_IF_ERROR(StatusOfReply(Parse(bytes, length, records.data(), &count)));
  for (int i = 0; i < count; ++i) {
    const Record& record = records[static_cast<std::size_t>(i)];
    answer.endpoints.push_back({.host = TextOf(record)});
    const std::chrono::seconds ttl(std::max(record.ttl, 0));
    answer.ttl = i == 0 ? ttl : std::min(answer.ttl, ttl);
  }
  return answer;
}

// Of the first priority; `host` is yet to be found.
absl::StatusOr<std::vector<DnsEndpoint>> ReadServices(int status, const unsigned char* bytes,
                                                      int length) {
  HOLDFAST_RETURN_IF_ERROR(StatusOfReply(status));
  std::vector<DnsEndpoint> services;
  if (status != ARES_SUCCESS) return services;
  ares_srv_reply* list = nullptr;
  const absl::Status parsed = StatusOfReply(ares_parse_srv_reply(bytes, length, &list));
  const std::unique_ptr<ares_srv_reply, decltype(&ares_free_data)> owned(list, ares_free_data);
  HOLDFAST_RETURN_IF_ERROR(parsed);
  int first = 65536;
  for (const ares_srv_reply* srv = list; srv != nullptr; srv = srv->next) {
    first = std::min<int>(first, srv->priority);
  }
  for (const ares_srv_reply* srv = list; srv != nullptr; srv = srv->next) {
    if (srv->priority != first || services.size() == kMaxTargets) continue;
    services.push_back({.target = srv->host, .port = srv->port, .weight = srv->weight});
  }
  return services;
}

// The two halves of one question for addresses.
struct BothFamilies {
  absl::StatusOr<DnsAnswer> v4 = absl::UnknownError("");
  absl::StatusOr<DnsAnswer> v6 = absl::UnknownError("");
  int missing = 2;
  DnsResolver::Answer done;

  void OneCame() {
    if (--missing > 0) return;
    done(v4.ok() && v4->endpoints.empty() ? std::move(v6) : std::move(v4));
  }
};

// The addresses of all targets of one question for services.
struct AllTargets {
  DnsAnswer found;
  absl::Status status;
  std::size_t missing = 0;
  DnsResolver::Answer done;

  void OneCame(const DnsEndpoint& service, const absl::StatusOr<DnsAnswer>& addresses) {
    status.Update(addresses.status());
    if (addresses.ok() && !addresses->endpoints.empty()) {
      found.ttl = found.endpoints.empty() ? addresses->ttl : std::min(found.ttl, addresses->ttl);
      for (const DnsEndpoint& address : addresses->endpoints) {
        found.endpoints.push_back(service);
        found.endpoints.back().host = address.host;
      }
    }
    if (--missing > 0) return;
    if (status.ok()) return done(std::move(found));
    done(status);
  }
};

// c-ares wants its library initialised once per process before threads use it.
void InitialiseLibrary() {
  static const int initialised = ares_library_init(ARES_LIB_INIT_ALL);
  HOLDFAST_CHECK(initialised == ARES_SUCCESS);
}

}  // namespace

struct DnsResolver::Impl {
  ares_channel channel = nullptr;
};

DnsResolver::DnsResolver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

DnsResolver::~DnsResolver() { ares_destroy(impl_->channel); }

absl::StatusOr<std::unique_ptr<DnsResolver>> DnsResolver::Open(const std::string& server) {
  InitialiseLibrary();
  auto impl = std::make_unique<Impl>();
  ares_options options{};
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  const int made = ares_init_options(&impl->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
  if (made != ARES_SUCCESS) return Unavailable("c-ares: {}", ares_strerror(made));
  std::unique_ptr<DnsResolver> resolver(new DnsResolver(std::move(impl)));
  if (!server.empty()) {
    const int set = ares_set_servers_ports_csv(resolver->impl_->channel, server.c_str());
    if (set != ARES_SUCCESS) {
      return InvalidArgument("dns: server '{}': {}", server, ares_strerror(set));
    }
  }
  return resolver;
}

void DnsResolver::AskAddresses(const std::string& name, Answer answer) {
  auto both = std::make_shared<BothFamilies>();
  both->done = std::move(answer);
  ares_query(impl_->channel, name.c_str(), ns_c_in, ns_t_a, OnReply,
             new Reply([both](int status, const unsigned char* bytes, int length) {
               both->v4 = ReadAddresses<ares_addrttl>(status, bytes, length);
               both->OneCame();
             }));
  ares_query(impl_->channel, name.c_str(), ns_c_in, ns_t_aaaa, OnReply,
             new Reply([both](int status, const unsigned char* bytes, int length) {
               both->v6 = ReadAddresses<ares_addr6ttl>(status, bytes, length);
               both->OneCame();
             }));
}

void DnsResolver::AskServices(const std::string& name, Answer answer) {
  ares_query(impl_->channel, name.c_str(), ns_c_in, ns_t_srv, OnReply,
             new Reply([this, answer = std::move(answer)](int status, const unsigned char* bytes,
                                                          int length) {
               auto services = ReadServices(status, bytes, length);
               if (!services.ok()) return answer(services.status());
               if (services->empty()) return answer(DnsAnswer());
               auto all = std::make_shared<AllTargets>();
               all->missing = services->size();
               all->done = answer;
               for (const DnsEndpoint& service : *services) {
                 AskAddresses(service.target, [all, service](const auto& addresses) {
                   all->OneCame(service, addresses);
                 });
               }
             }));
}

void DnsResolver::Wait(int wake_fd, Duration at_most) {
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets;
  const int wanted = ares_getsock(impl_->channel, sockets.data(), ARES_GETSOCK_MAXNUM);
  std::vector<pollfd> polled{{.fd = wake_fd, .events = POLLIN}};
  for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    short events = 0;
    if (ARES_GETSOCK_READABLE(wanted, i)) events |= POLLIN;
    if (ARES_GETSOCK_WRITABLE(wanted, i)) events |= POLLOUT;
    if (events != 0) polled.push_back({.fd = sockets[i], .events = events});
  }

  const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
  timeval most{.tv_sec = wait_ms / 1000, .tv_usec = (wait_ms % 1000) * 1000};
  timeval storage{};
  const timeval* const next = ares_timeout(impl_->channel, &most, &storage);
  const auto timeout_ms = next->tv_sec * 1000 + (next->tv_usec + 999) / 1000;
  ::poll(polled.data(), polled.size(), static_cast<int>(std::max<long>(timeout_ms, 0)));

  for (std::size_t i = 1; i < polled.size(); ++i) {
    const pollfd& p = polled[i];
    ares_process_fd(impl_->channel,
                    (p.revents & (POLLIN | POLLERR | POLLHUP)) != 0 ? p.fd : ARES_SOCKET_BAD,
                    (p.revents & POLLOUT) != 0 ? p.fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(impl_->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // time-outs
}

}  // namespace holdfast::discovery
