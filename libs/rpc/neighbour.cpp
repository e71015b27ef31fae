#include "libs/rpc/neighbour.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "google/protobuf/descriptor.pb.h"
#include "holdfast/options/v1/options.pb.h"
#include "libs/base/status.h"
#include "libs/rpc/method_table.h"
#include "libs/telemetry/log.h"

namespace holdfast::rpc {

namespace {

using std::chrono::milliseconds;

// So late may a call be reminded, and the loss of an idle connection be seen.
constexpr Duration kLongestWait = milliseconds(20);
constexpr Duration kShowEvery = milliseconds(100);

double GaugeValue(CircuitBreaker::State state) {
  return static_cast<double>(static_cast<int>(state));
}

bool IsBreakerState(std::string_view what) {
  using State = CircuitBreaker::State;
  return what == Name(State::kOpen) || what == Name(State::kHalfOpen) ||
         what == Name(State::kClosed);
}

}  // namespace

Neighbour::Neighbour(std::string name, const PeerOptions& options,
                     const ChannelEnvironment& environment)
    : service(std::move(name)),
      clock(environment.clock),
      random(environment.random),
      faults(environment.faults),
      own_zone(environment.own_zone),
      metrics(environment.metrics),
      retries(metrics.retries.With({service})),
      hedges_sent(metrics.hedges.With({service, "sent"})),
      hedges_won(metrics.hedges.With({service, "won"})),
      under_way(std::make_shared<UnderWay>()),
      breaker(
          NeighbourBreakerOptions(options), clock,
          [this](const CircuitBreaker::Change& change) {
            breaker_gauge_.Set(GaugeValue(change.next));
            metrics.transitions.With({service, "neighbour", Name(change.next), change.why}).Add();
            telemetry::Log(
                telemetry::Warning, "breaker of a neighbour changed",
                {{"neighbour", service}, {"state", Name(change.next)}, {"why", change.why}});
          }),
      budget(RetryOptions(options), clock),
      hedge_budget(HedgeOptions(options), clock),
      directory_(environment.directory),
      breaker_gauge_(metrics.breaker.With({service})),
      in_flight_gauge_(metrics.in_flight.With({service})),
      events_(std::make_unique<ConnectionEvents>()),
      instance_labels_(metrics, service),
      list_(std::make_shared<const InstanceList>(InstanceList{.options = options})) {
  if (!environment.tls.enabled()) return;
  absl::StatusOr<security::PemMaterial> material = security::ReadTlsFiles(environment.tls);
  tls_status_ = material.status();
  if (material.ok()) material_ = *std::move(material);
}

Neighbour::~Neighbour() = default;

void Neighbour::Start() {
  breaker_gauge_.Set(0);
  if (const std::string contradiction = ContradictionIn(instances()->options);
      !contradiction.empty()) {
    telemetry::Log(telemetry::Warning, "knobs of a neighbour contradict each other",
                   {{"neighbour", service}, {"what", contradiction}});
  }
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
  under_way->WaitUntilNobody();
  std::shared_ptr<const InstanceList> last = std::make_shared<const InstanceList>();
  std::vector<std::shared_ptr<Instance>> leaving;
  {
    absl::MutexLock lock(&mutex_);
    list_.swap(last);
    leaving_.swap(leaving);
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
  const bool read_only = level == MethodOptions::NO_SIDE_EFFECTS;
  std::string label(name);
  auto method = std::make_unique<CalledMethod>(CalledMethod{
      .label = label,
      .path = "/" + label,
      .descriptor = &descriptor,
      .idempotent = level != MethodOptions::IDEMPOTENCY_UNKNOWN,
      .read_only = read_only,
      .hedged = read_only && descriptor.options().GetExtension(::holdfast::options::v1::hedged),
      .declared = DeclaredCriticality(descriptor),
      .answered_ok = metrics.requests.With({service, label, "OK"}),
      .seconds = metrics.seconds.With({service, label}),
      .usual = std::make_unique<LatencyWindow>(clock)});
  absl::MutexLock lock(&methods_mutex_);
  return *methods_.try_emplace(std::move(label), std::move(method)).first->second;
}

std::shared_ptr<const InstanceList> Neighbour::instances() const {
  absl::MutexLock lock(&mutex_);
  return list_;
}

std::optional<std::size_t> Neighbour::Pick(const InstanceList& list,
                                           std::span<const std::size_t> tried) {
  return PickInstance(list.peers, tried, own_zone, random, ChoiceOptions(list.options));
}

Headers Neighbour::HeadersFor(const Call& call, const CalledMethod& method) {
  Headers headers{.traceparent = call.trace().Child(random).ToHeader(), .criticality = {}};
  if (call.criticality() != method.declared) headers.criticality = call.criticality();
  return headers;
}

absl::StatusOr<std::shared_ptr<const InstanceList>> Neighbour::Enter(Criticality criticality) {
  if (!tls_status_.ok()) {
    CountRefused("certificates");
    return Unavailable("{}: {}", service, ToString(tls_status_));
  }
  absl::MutexLock lock(&mutex_);
  if (stopping_) {
    CountRefused("stopping");
    return Unavailable("{}: this process is stopping", service);
  }
  const std::int64_t in_flight = in_flight_.load(std::memory_order_relaxed);
  if (in_flight >= BulkheadFor(criticality, list_->options.max_in_flight)) {
    CountRefused("bulkhead");
    return ResourceExhausted("{}: {} calls are under way", service, in_flight);
  }
  in_flight_.fetch_add(1, std::memory_order_relaxed);
  return list_;
}

void Neighbour::Leave() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }

absl::Status Neighbour::RefusedByBreaker() const {
  CountRefused("breaker");
  const auto looks_again = std::chrono::duration_cast<milliseconds>(breaker.refuses_for()).count();
  const std::string_view state = Name(breaker.state());
  const std::string_view why = breaker.why();
  absl::MutexLock lock(&mutex_);
  return Unavailable("{}: breaker {} ({}), looks again in {} ms; last failure: {}", service, state,
                     why, looks_again, ToString(last_failure_));
}

void Neighbour::RememberFailure(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  last_failure_ = status;
}

void Neighbour::CountRefused(std::string_view reason) const {
  metrics.refused.With({service, reason}).Add();
}

void Neighbour::Count(const CalledMethod& method, const absl::Status& status,
                      SteadyTime start) const {
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

void Neighbour::Update(const discovery::InstanceSet& set) {
  absl::MutexLock changing(&changes_mutex_);
  const auto before = instances();
  auto after = std::make_shared<InstanceList>();
  after->options = before->options;
  for (const discovery::Instance& wanted : set) {
    const auto known =
        std::find_if(before->instances.begin(), before->instances.end(), [&](const auto& instance) {
          return discovery::SameProcess(instance->peer.instance(), wanted);
        });
    if (known == before->instances.end()) {
      after->instances.push_back(Connect(wanted, after->options));
    } else {
      (*known)->peer.Announced(wanted);
      after->instances.push_back(*known);
    }
    after->peers.push_back(&after->instances.back()->peer);
  }
  telemetry::Log(
      telemetry::Info, "instances of a neighbour changed",
      {{"neighbour", service}, {"before", before->peers.size()}, {"after", after->peers.size()}});
  Replace(std::move(after));
}

absl::Status Neighbour::ChangeOptions(const std::vector<std::string>& assignments) {
  absl::MutexLock changing(&changes_mutex_);
  auto after = std::make_shared<InstanceList>(*instances());
  HOLDFAST_RETURN_IF_ERROR(Change(after->options, assignments));
  breaker.SetOptions(NeighbourBreakerOptions(after->options));
  budget.SetOptions(RetryOptions(after->options));
  hedge_budget.SetOptions(HedgeOptions(after->options));
  for (Peer* peer : after->peers) peer->SetOptions(InstanceOptions(after->options));
  for (const std::string& assignment : assignments) {
    telemetry::Log(telemetry::Warning, "knob of a neighbour changed while running",
                   {{"neighbour", service}, {"knob", assignment}});
  }
  Replace(std::move(after));
  return absl::OkStatus();
}

void Neighbour::Replace(std::shared_ptr<const InstanceList> list) {
  absl::MutexLock lock(&mutex_);
  for (const auto& instance : list_->instances) {
    const auto& kept = list->instances;
    if (std::find(kept.begin(), kept.end(), instance) == kept.end()) leaving_.push_back(instance);
  }
  list_.swap(list);
}

std::shared_ptr<Instance> Neighbour::Connect(const discovery::Instance& wanted,
                                             const PeerOptions& options) {
  const bool near = !own_zone.empty() && wanted.zone == own_zone;
  auto instance = std::make_shared<Instance>(
      wanted, InstanceOptions(options), clock,
      [this](const Peer& peer, std::string_view what, std::string_view why) {
        InstanceChanged(peer, what, why);
      },
      &tries_answered, material_, security::TlsNameOf(service), under_way,
      instance_labels_.Take(wanted.id, near));
  instance->metrics.Show(instance->peer);
  events_->Watch(instance->connection, instance, [raw = instance.get()](ConnectionEvents::Event e) {
    if (e == ConnectionEvents::Event::kLost) raw->peer.ConnectionLost("connection lost");
    if (e == ConnectionEvents::Event::kConnected) raw->probes.Hurry();
  });
  Probe(instance, options);
  return instance;
}

// Runs with the instance locked: quick, and asks it nothing.
void Neighbour::InstanceChanged(const Peer& peer, std::string_view what,
                                std::string_view why) const {
  // Why an instance is down is free text: a line for people, no label.
  const bool breaker_changed = IsBreakerState(what);
  const std::string_view scope = breaker_changed ? "instance" : "health";
  metrics.transitions.With({service, scope, what, breaker_changed ? why : ""}).Add();
  telemetry::Log(
      telemetry::Info, "view of an instance changed",
      {{"neighbour", service}, {"instance", peer.instance().id}, {"state", what}, {"why", why}});
}

void Neighbour::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    events_->Look();
    Duration until_next = StartDueProbes();
    const SteadyTime now = clock.SteadyNow();
    reminders.Run(now);
    if (const auto next = reminders.next())
      until_next = std::min<Duration>(until_next, *next - now);
    if (shown_at_ == SteadyTime::min() || now - shown_at_ >= kShowEvery) {
      shown_at_ = now;
      ShowState();
      DropTheGone();
    }
    std::this_thread::sleep_for(std::clamp<Duration>(until_next, milliseconds(1), kLongestWait));
  }
}

Duration Neighbour::StartDueProbes() {
  Duration until_next = kLongestWait;
  const auto list = instances();
  const SteadyTime now = clock.SteadyNow();
  for (const std::shared_ptr<Instance>& instance : list->instances) {
    Probe(instance, list->options);
    // A connection that was made just now sets it to min(), from which nothing can be taken away.
    const SteadyTime next = std::max(instance->probes.next(), now);
    until_next = std::min<Duration>(until_next, next - now);
  }
  return until_next;
}

void Neighbour::Probe(const std::shared_ptr<Instance>& instance, const PeerOptions& options) {
  const std::optional<Duration> time = instance->probes.TryBegin(
      {.interval = options.probe_interval, .misses = static_cast<int>(options.probes_to_fail)});
  if (!time) return;
  instance->connection.AskHealth(*time, [self = shared_from_this(), instance](
                                            Connection::Health health, const std::string& why) {
    self->ProbeEnded(*instance, health, why);
  });
}

void Neighbour::ProbeEnded(Instance& instance, Connection::Health health, std::string_view why) {
  switch (health) {
    case Connection::Health::kServing:
      instance.probes.Answered();
      if (instance.peer.ProbeSucceeded()) breaker.LookAgain();
      return;
    case Connection::Health::kNotServing:
      instance.probes.Answered();
      return instance.peer.SaidNotServing();
    case Connection::Health::kNoAnswer:
      if (instance.probes.Missed()) instance.peer.ProbeFailed(why);
      return;
  }
}

// Instances that left and that nobody uses any more end here, not on a thread of gRPC's.
void Neighbour::DropTheGone() {
  std::vector<std::shared_ptr<Instance>> gone;
  {
    absl::MutexLock lock(&mutex_);
    std::erase_if(leaving_, [&](std::shared_ptr<Instance>& instance) {
      if (instance.use_count() > 1) return false;
      gone.push_back(std::move(instance));
      return true;
    });
  }
  if (gone.empty()) return;
  absl::MutexLock changing(&changes_mutex_);
  for (const std::shared_ptr<Instance>& instance : gone) {
    instance_labels_.GiveBack(instance->metrics.label);
  }
}

}  // namespace holdfast::rpc
