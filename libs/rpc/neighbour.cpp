#include "libs/rpc/neighbour.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <utility>

#include "google/protobuf/descriptor.pb.h"
#include "libs/base/status.h"
#include "libs/rpc/method_table.h"
#include "libs/telemetry/log.h"

namespace holdfast::rpc {

namespace {

using std::chrono::milliseconds;

constexpr Duration kLongestWait = milliseconds(100);  // between two looks at everything

CircuitBreaker::Options BreakerOptions(const PeerOptions& options) {
  return {.failures_to_open = static_cast<int>(options.failures_to_open),
          .open_for = options.open_for};
}

double GaugeValue(CircuitBreaker::State state) {
  return static_cast<double>(static_cast<int>(state));
}

}  // namespace

ClientMetrics::ClientMetrics(telemetry::Metrics& metrics)
    : requests(metrics.CounterFamily("holdfast_rpc_client_requests_total",
                                     "Calls to a neighbour that ended, by final status code.",
                                     {"service", "method", "code"})),
      seconds(metrics.HistogramFamily("holdfast_rpc_client_seconds",
                                      "Time of a call to a neighbour, all tries together.",
                                      {"service", "method"})),
      retries(metrics.CounterFamily("holdfast_rpc_client_retries_total", "Tries beyond the first.",
                                    {"service"})),
      breaker(metrics.GaugeFamily("holdfast_rpc_client_breaker_state",
                                  "Breaker of a neighbour: 0 closed, 1 half-open, 2 open.",
                                  {"service"})),
      instances(metrics.GaugeFamily(
          "holdfast_rpc_client_instances",
          "Instances of a neighbour: up, ejected (answers probes, fails calls), unproven, down.",
          {"service", "state"})) {}

Neighbour::Neighbour(std::string name, const PeerOptions& peer_options,
                     const ChannelEnvironment& environment)
    : service(std::move(name)),
      options(peer_options),
      clock(environment.clock),
      random(environment.random),
      own_zone(environment.own_zone),
      metrics(environment.metrics),
      retries(metrics.retries.With({service})),
      breaker(BreakerOptions(options), clock,
              [this](CircuitBreaker::State next, std::string_view why) {
                breaker_gauge_.Set(GaugeValue(next));
                telemetry::Log(telemetry::Warning, "breaker of a neighbour changed",
                               {{"neighbour", service}, {"state", Name(next)}, {"why", why}});
              }),
      budget(RetryBudget::Options(), clock),
      directory_(environment.directory),
      breaker_gauge_(metrics.breaker.With({service})),
      events_(std::make_unique<ConnectionEvents>()),
      list_(std::make_shared<const InstanceList>()) {
  if (!environment.tls.enabled()) return;
  absl::StatusOr<security::PemMaterial> material = security::ReadTlsFiles(environment.tls);
  tls_status_ = material.status();
  if (material.ok()) material_ = *std::move(material);
}

Neighbour::~Neighbour() = default;

void Neighbour::Start() {
  breaker_gauge_.Set(0);
  if (!tls_status_.ok()) {
    telemetry::Log(telemetry::Error, "no calls to a neighbour without certificates",
                   {{"neighbour", service}, {"error", ToString(tls_status_)}});
    return;
  }
  watch_ =
      directory_.Subscribe(service, [this](const discovery::InstanceSet& set) { Update(set); });
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "rpc-probe");
}

void Neighbour::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  watch_.reset();
  if (thread_.joinable()) thread_.join();
  {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Neighbour::Idle));
    list_ = std::make_shared<const InstanceList>();
  }
  events_.reset();
}

const CalledMethod& Neighbour::Method(std::string_view name) {
  {
    absl::ReaderMutexLock lock(&methods_mutex_);
    if (const auto* known = Find(methods_, name)) return **known;
  }
  const auto& descriptor = MethodByName(name);
  using google::protobuf::MethodOptions;
  const auto level = descriptor.options().idempotency_level();
  std::string label(name);
  auto method = std::make_unique<CalledMethod>(
      CalledMethod{.label = label,
                   .path = "/" + label,
                   .descriptor = &descriptor,
                   .idempotent = level != MethodOptions::IDEMPOTENCY_UNKNOWN,
                   .read_only = level == MethodOptions::NO_SIDE_EFFECTS,
                   .answered_ok = metrics.requests.With({service, label, "OK"}),
                   .seconds = metrics.seconds.With({service, label})});
  absl::MutexLock lock(&methods_mutex_);
  return *methods_.try_emplace(std::move(label), std::move(method)).first->second;
}

std::shared_ptr<const InstanceList> Neighbour::instances() const {
  absl::MutexLock lock(&mutex_);
  return list_;
}

std::optional<std::size_t> Neighbour::Pick(const InstanceList& list,
                                           std::span<const std::size_t> tried) {
  return PickInstance(list.peers, tried, own_zone, random);
}

Headers Neighbour::HeadersFor(const Call& call) {
  return {.traceparent = call.trace().Child(random).ToHeader(), .criticality = call.criticality()};
}

absl::Status Neighbour::Enter() {
  if (!tls_status_.ok()) return Unavailable("{}: {}", service, ToString(tls_status_));
  absl::MutexLock lock(&mutex_);
  if (stopping_) return Unavailable("{}: this process is stopping", service);
  if (in_flight_ >= options.max_in_flight) {
    return ResourceExhausted("{}: {} calls are under way", service, in_flight_);
  }
  ++in_flight_;
  return absl::OkStatus();
}

void Neighbour::Leave() {
  absl::MutexLock lock(&mutex_);
  --in_flight_;
}

bool Neighbour::EnterUnasked() {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return false;
  ++unasked_;
  return true;
}

void Neighbour::LeaveUnasked() {
  absl::MutexLock lock(&mutex_);
  --unasked_;
}

absl::Status Neighbour::RefusedByBreaker() const {
  const auto looks_again = std::chrono::duration_cast<milliseconds>(breaker.refuses_for()).count();
  const std::string_view state = Name(breaker.state());
  absl::MutexLock lock(&mutex_);
  return Unavailable("{}: breaker {}, looks again in {} ms; last failure: {}", service, state,
                     looks_again, ToString(last_failure_));
}

void Neighbour::RememberFailure(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  last_failure_ = status;
}

void Neighbour::Count(const CalledMethod& method, const absl::Status& status, SteadyTime start) {
  method.seconds.Observe(std::chrono::duration<double>(clock.SteadyNow() - start).count());
  if (status.ok()) return method.answered_ok.Add();
  metrics.requests.With({service, method.label, absl::StatusCodeToString(status.code())}).Add();
}

bool Neighbour::has_healthy_instance() const {
  if (breaker.state() == CircuitBreaker::State::kOpen) return false;
  const auto list = instances();
  return std::any_of(list->peers.begin(), list->peers.end(),
                     [](const Peer* peer) { return peer->usable(); });
}

std::string Neighbour::Describe() const {
  const auto list = instances();
  std::string page = fmt::format("{}: breaker {}, {} instances\n", service, Name(breaker.state()),
                                 list->peers.size());
  if (!tls_status_.ok()) page += fmt::format("  {}\n", ToString(tls_status_));
  for (const Peer* peer : list->peers) page += "  " + peer->Describe() + "\n";
  return page;
}

void Neighbour::Update(const discovery::InstanceSet& set) {
  const auto before = instances();
  auto after = std::make_shared<InstanceList>();
  for (const discovery::Instance& wanted : set) {
    const auto known =
        std::find_if(before->instances.begin(), before->instances.end(),
                     [&](const auto& instance) { return instance->peer.instance() == wanted; });
    after->instances.push_back(known == before->instances.end() ? Connect(wanted) : *known);
    after->peers.push_back(&after->instances.back()->peer);
  }
  telemetry::Log(
      telemetry::Info, "instances of a neighbour changed",
      {{"neighbour", service}, {"before", before->peers.size()}, {"after", after->peers.size()}});
  absl::MutexLock lock(&mutex_);
  list_ = std::move(after);
}

std::shared_ptr<Instance> Neighbour::Connect(const discovery::Instance& wanted) {
  auto log = [name = service](const Peer& peer, std::string_view what, std::string_view why) {
    telemetry::Log(
        telemetry::Info, "view of an instance changed",
        {{"neighbour", name}, {"instance", peer.instance().id}, {"state", what}, {"why", why}});
  };
  auto instance = std::make_shared<Instance>(wanted, Peer::Options(), clock, log, material_,
                                             security::TlsNameOf(service));
  events_->Watch(instance->connection, instance, [raw = instance.get()](ConnectionEvents::Event e) {
    if (e == ConnectionEvents::Event::kLost) raw->peer.ConnectionLost("connection lost");
    if (e == ConnectionEvents::Event::kConnected) raw->next_probe = SteadyTime::min();
  });
  Probe(instance);
  return instance;
}

void Neighbour::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    const Duration until_next = StartDueProbes();
    ShowInstances();
    events_->Wait(std::clamp<Duration>(until_next, milliseconds(1), kLongestWait));
  }
}

Duration Neighbour::StartDueProbes() {
  Duration until_next = kLongestWait;
  const auto list = instances();
  const SteadyTime now = clock.SteadyNow();
  for (const std::shared_ptr<Instance>& instance : list->instances) {
    if (now >= instance->next_probe.load()) Probe(instance);
    until_next = std::min<Duration>(until_next, instance->next_probe.load() - now);
  }
  return until_next;
}

void Neighbour::Probe(const std::shared_ptr<Instance>& instance) {
  instance->next_probe = clock.SteadyNow() + options.probe_interval;
  if (instance->probe_under_way.exchange(true)) {
    // It ends within the interval; look again then rather than a whole interval later.
    instance->next_probe = clock.SteadyNow() + milliseconds(5);
    return;
  }
  if (!EnterUnasked()) return;
  instance->connection.AskHealth(
      options.probe_interval,
      [self = shared_from_this(), instance](Connection::Health health, const std::string& why) {
        instance->probe_under_way = false;
        self->ProbeAnswered(*instance, health, why);
        self->LeaveUnasked();
      });
}

void Neighbour::ProbeAnswered(Instance& instance, Connection::Health health, std::string_view why) {
  switch (health) {
    case Connection::Health::kServing:
      if (instance.peer.ProbeSucceeded()) breaker.LookAgain();
      return;
    case Connection::Health::kNotServing:
      return instance.peer.SaidNotServing();
    case Connection::Health::kNoAnswer:
      return instance.peer.ProbeFailed(why);
  }
}

void Neighbour::ShowInstances() {
  int up = 0;
  int ejected = 0;
  int unproven = 0;
  int down = 0;
  const auto list = instances();
  bool canary_wanted = false;
  for (const Peer* peer : list->peers) {
    const bool closed = peer->breaker_state() == CircuitBreaker::State::kClosed;
    canary_wanted = canary_wanted || !closed;
    switch (peer->health()) {
      case Peer::Health::kUp:
        ++(closed ? up : ejected);
        break;
      case Peer::Health::kUnproven:
        ++unproven;
        break;
      case Peer::Health::kDown:
        ++down;
        break;
    }
  }
  canary_wanted_.store(canary_wanted, std::memory_order_relaxed);
  metrics.instances.With({service, "up"}).Set(up);
  metrics.instances.With({service, "ejected"}).Set(ejected);
  metrics.instances.With({service, "unproven"}).Set(unproven);
  metrics.instances.With({service, "down"}).Set(down);
}

}  // namespace holdfast::rpc
