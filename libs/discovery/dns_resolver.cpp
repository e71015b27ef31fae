#include "libs/discovery/dns_resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
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

absl::StatusOr<std::vector<std::string>> ReadAnswer(int status, const unsigned char* bytes,
                                                    int length) {
  if (status == ARES_ENODATA || status == ARES_ENOTFOUND) return std::vector<std::string>{};
  if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) {
    return absl::CancelledError("resolver closed");
  }
  if (status != ARES_SUCCESS) return Unavailable("{}", ares_strerror(status));

  std::array<ares_addrttl, kMaxRecords> records;
  int count = kMaxRecords;
  const int parsed = ares_parse_a_reply(bytes, length, nullptr, records.data(), &count);
  if (parsed == ARES_ENODATA) return std::vector<std::string>{};
  if (parsed != ARES_SUCCESS) return Unavailable("{}", ares_strerror(parsed));
  std::vector<std::string> addresses;
  for (int i = 0; i < count; ++i) {
    char text[INET_ADDRSTRLEN];
    if (inet_ntop(AF_INET, &records[i].ipaddr, text, sizeof text) != nullptr) {
      addresses.emplace_back(text);
    }
  }
  return addresses;
}

void OnAnswer(void* argument, int status, int /*timeouts*/, unsigned char* bytes, int length) {
  const std::unique_ptr<DnsResolver::Answer> answer(static_cast<DnsResolver::Answer*>(argument));
  (*answer)(ReadAnswer(status, bytes, length));
}

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

void DnsResolver::Ask(const std::string& name, Answer answer) {
  ares_query(impl_->channel, name.c_str(), ns_c_in, ns_t_a, OnAnswer,
             new Answer(std::move(answer)));
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
