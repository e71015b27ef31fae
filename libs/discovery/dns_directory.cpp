#include "libs/discovery/dns_directory.h"

#include <pthread.h>

#include <algorithm>
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
#include "libs/discovery/wake_fd.h"
#include "libs/telemetry/log.h"

namespace holdfast::discovery {
namespace {

struct Pattern {
  std::string host;  // with "{service}"
  std::string port;
  std::string server;  // "host:port" or empty

  std::string NameOf(std::string_view service) const {
    const std::string label =
        absl::StrReplaceAll(absl::string_view(service.data(), service.size()), {{"_", "-"}});
    return absl::StrReplaceAll(host, {{"{service}", label}});
  }
};

absl::StatusOr<Pattern> ParsePattern(std::string_view text) {
  constexpr std::string_view kServer = "?server=";
  Pattern pattern;
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    const std::string_view option = text.substr(mark);
    if (!option.starts_with(kServer) || !IsAddress(option.substr(kServer.size()))) {
      return InvalidArgument("dns: '{}' is not ?server=host:port", option);
    }
    pattern.server = std::string(option.substr(kServer.size()));
    text = text.substr(0, mark);
  }
  if (!IsAddress(text) || text.find("{service}") == std::string_view::npos) {
    return InvalidArgument("dns: '{}' is not <name with {{service}}>:port", text);
  }
  const std::size_t colon = text.rfind(':');
  pattern.host = std::string(text.substr(0, colon));
  pattern.port = std::string(text.substr(colon + 1));
  return pattern;
}

class DnsDirectory final : public Directory {
 public:
  DnsDirectory(Pattern pattern, std::unique_ptr<DnsResolver> resolver, const Options& options,
               const Clock& clock, Random& random, telemetry::Metrics& metrics)
      : pattern_(std::move(pattern)),
        interval_(options.dns_interval),
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
        name.ask_at = now + Jittered(interval_);
        due.push_back(service);
      }
    }
    for (const std::string& service : due) {
      resolver_->Ask(pattern_.NameOf(service),
                     [this, service](auto answer) { OnAnswer(service, std::move(answer)); });
    }
  }

  void OnAnswer(const std::string& service, absl::StatusOr<std::vector<std::string>> answer) {
    {
      absl::MutexLock lock(&mutex_);
      names_[service].asked = false;
    }
    if (answer.status().code() == absl::StatusCode::kCancelled) return;
    if (!answer.ok()) {
      board_.BackendDown(ToString(answer.status()));
      renew_resolver_ = true;
      return;
    }
    board_.BackendUp();
    InstanceSet set;
    for (const std::string& address : *answer) {
      const std::string with_port = address + ":" + pattern_.port;
      set.push_back({.id = with_port, .address = with_port});
    }
    board_.Offer(service, std::move(set));
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
    return std::max<Duration>(next - now, Duration::zero());
  }

  // +-10 %, so that a fleet that started together does not ask together for ever.
  Duration Jittered(Duration interval) const {
    return std::chrono::duration_cast<Duration>(interval * (0.9 + 0.2 * random_.Uniform()));
  }

  const Pattern pattern_;
  const Duration interval_;
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
