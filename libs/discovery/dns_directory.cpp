#include "libs/discovery/dns_directory.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/status.h"
#include "libs/base/string_map.h"
#include "libs/discovery/dns_resolver.h"
#include "libs/discovery/instance_text.h"
#include "libs/discovery/set_board.h"
#include "libs/discovery/spec_options.h"
#include "libs/discovery/wake_fd.h"
#include "libs/telemetry/log.h"

namespace holdfast::discovery {
namespace {

constexpr std::array<std::string_view, 1> kOptions = {"server"};

struct Pattern {
  std::string host;    // with "{service}"
  std::string port;    // empty: ask for services (SRV), which say it
  std::string server;  // "host:port" or empty

  std::string NameOf(std::string_view service) const {
    const std::string label =
        absl::StrReplaceAll(absl::string_view(service.data(), service.size()), {{"_", "-"}});
    return absl::StrReplaceAll(host, {{"{service}", label}});
  }
};

absl::StatusOr<Pattern> ParsePattern(std::string_view spec) {
  HOLDFAST_ASSIGN_OR_RETURN(const SplitSpec split, ReadSpecOptions(spec, kOptions));
  Pattern pattern{.host = split.place, .server = split.Option("server")};
  if (!pattern.server.empty() && !IsAddress(pattern.server)) {
    return InvalidArgument("dns: server '{}' is not host:port", pattern.server);
  }
  if (pattern.host.find("{service}") == std::string::npos) {
    return InvalidArgument("dns: '{}' does not contain {{service}}", pattern.host);
  }
  if (pattern.host.starts_with('_') && pattern.host.find(':') == std::string::npos) return pattern;
  if (!IsAddress(pattern.host)) {
    return InvalidArgument("dns: '{}' is neither name:port nor _port._tcp.name", pattern.host);
  }
  const std::size_t colon = pattern.host.rfind(':');
  pattern.port = pattern.host.substr(colon + 1);
  pattern.host.resize(colon);
  return pattern;
}

// SRV weights go up to 65535 and are 0 when nobody cares.
int WeightOf(const DnsEndpoint& endpoint) {
  return endpoint.weight == 0 ? Instance().weight : std::min(endpoint.weight, 1000);
}

// The name of a service's target outlives its address; but several addresses need several ids.
InstanceSet InstancesOf(const DnsAnswer& answer, const std::string& port) {
  StringMap<int> addresses;
  for (const DnsEndpoint& endpoint : answer.endpoints) ++addresses[endpoint.target];
  InstanceSet set;
  for (const DnsEndpoint& endpoint : answer.endpoints) {
    const std::string port_of = endpoint.port == 0 ? port : std::to_string(endpoint.port);
    Instance instance{.address = endpoint.host + ":" + port_of, .weight = WeightOf(endpoint)};
    const std::string by_name = endpoint.target + ":" + port_of;
    const bool name_is_enough =
        !endpoint.target.empty() && addresses[endpoint.target] == 1 && IsId(by_name);
    instance.id = name_is_enough ? by_name : instance.address;
    set.push_back(std::move(instance));
  }
  return set;
}

class DnsDirectory final : public Directory {
 public:
  DnsDirectory(Pattern pattern, std::unique_ptr<DnsResolver> resolver, const Options& options,
               const Clock& clock, Random& random, telemetry::Metrics& metrics)
      : pattern_(std::move(pattern)),
        interval_(options.dns_interval),
        longest_interval_(std::max(options.dns_interval, options.dns_longest_interval)),
        random_(random),
        board_("dns", options, clock, metrics),
        resolver_(std::move(resolver)) {
    thread_ = std::thread([this] { Run(); });
    pthread_setname_np(thread_.native_handle(), "discovery-dns");
  }

  ~DnsDirectory() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    wake_.Wake();
    thread_.join();
    resolver_.reset();
  }

  std::unique_ptr<Watch> Subscribe(std::string_view service, Callback callback) override {
    SetBoard::Subscription subscription = board_.Subscribe(service, std::move(callback));
    if (subscription.first_of_service) {
      {
        absl::MutexLock lock(&mutex_);
        names_[std::string(service)];
      }
      wake_.Wake();
    }
    return std::move(subscription.watch);
  }

  std::unique_ptr<Watch> Register(std::string_view, const Instance&) override { return nullptr; }

  std::string Describe() const override { return board_.Describe(); }

 private:
  struct Name {
    SteadyTime ask_at = SteadyTime::min();
    bool asked = false;  // a question is under way
  };

  void Run() {
    while (!Stopping()) {
      AskWhatIsDue();
      resolver_->Wait(wake_.fd(), UntilNext());
      wake_.Clear();
      board_.Tick();
      if (std::exchange(renew_resolver_, false)) RenewResolver();
    }
  }

  bool Stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  void AskWhatIsDue() {
    std::vector<std::string> due;
    {
      absl::MutexLock lock(&mutex_);
      const SteadyTime now = SystemClock::Get().SteadyNow();
      for (auto& [service, name] : names_) {
        if (name.asked || name.ask_at > now) continue;
        name.asked = true;
        due.push_back(service);
      }
    }
    for (const std::string& service : due) {
      const auto answer = [this, service](auto answered) { OnAnswer(service, answered); };
      if (pattern_.port.empty()) {
        resolver_->AskServices(pattern_.NameOf(service), answer);
      } else {
        resolver_->AskAddresses(pattern_.NameOf(service), answer);
      }
    }
  }

  void OnAnswer(const std::string& service, const absl::StatusOr<DnsAnswer>& answer) {
    {
      absl::MutexLock lock(&mutex_);
      Name& name = names_[service];
      name.asked = false;
      const Duration ttl = answer.ok() ? answer->ttl : Duration::zero();
      name.ask_at =
          SystemClock::Get().SteadyNow() + Jittered(std::clamp(ttl, interval_, longest_interval_));
    }
    if (absl::IsCancelled(answer.status())) return;
    if (!answer.ok()) {
      board_.BackendDown(ToString(answer.status()));
      renew_resolver_ = true;
      return;
    }
    board_.BackendUp();
    board_.Offer(service, InstancesOf(*answer, pattern_.port));
  }

  // A resolver keeps the servers of /etc/resolv.conf as they were when it was made.
  void RenewResolver() {
    absl::StatusOr<std::unique_ptr<DnsResolver>> fresh = DnsResolver::Open(pattern_.server);
    if (fresh.ok()) resolver_ = *std::move(fresh);
  }

  Duration UntilNext() const {
    const SteadyTime now = SystemClock::Get().SteadyNow();
    SteadyTime next = board_.next_tick();
    absl::MutexLock lock(&mutex_);
    for (const auto& [service, name] : names_) {
      if (!name.asked) next = std::min(next, name.ask_at);
    }
    return std::max(next, now) - now;  // min() - now would not fit
  }

  // +-10 %, so that a fleet that started together does not ask together for ever.
  Duration Jittered(Duration interval) const {
    return std::chrono::duration_cast<Duration>(interval * (0.9 + 0.2 * random_.Uniform()));
  }

  const Pattern pattern_;
  const Duration interval_;
  const Duration longest_interval_;
  Random& random_;
  SetBoard board_;
  WakeFd wake_;

  std::unique_ptr<DnsResolver> resolver_;  // the thread's, and the destructor's after it
  bool renew_resolver_ = false;            // the thread's

  mutable absl::Mutex mutex_;
  OrderedStringMap<Name> names_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Directory>> OpenDnsDirectory(std::string_view text,
                                                            const Options& options,
                                                            const Clock& clock, Random& random,
                                                            telemetry::Metrics& metrics) {
  HOLDFAST_ASSIGN_OR_RETURN(Pattern pattern, ParsePattern(text));
  HOLDFAST_ASSIGN_OR_RETURN(std::unique_ptr<DnsResolver> resolver,
                            DnsResolver::Open(pattern.server));
  return std::make_unique<DnsDirectory>(std::move(pattern), std::move(resolver), options, clock,
                                        random, metrics);
}

}  // namespace holdfast::discovery
