#include "libs/rpc/fault_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "libs/config/knobs.h"
#include "libs/telemetry/log.h"

namespace holdfast::rpc {

namespace {

using std::chrono::milliseconds;

constexpr Duration kBlastWindow = std::chrono::seconds(10);
// Below this many tries in the window a share says nothing, and one struck try is one too many to
// refuse.
constexpr std::int64_t kFewTries = 10;

// The form of a fault as people write it.
struct Words {
  std::string neighbour;
  std::string instance;
  std::string method;
  std::string kind = "error";
  double percent = 0;
  milliseconds lasts = milliseconds(0);
  milliseconds latency = milliseconds(0);
  std::string code = "UNAVAILABLE";
  std::int64_t after = 0;
  std::string critical = "no";

  void Describe(config::Knobs& k) {
    k.Text("neighbour", neighbour, "");
    k.Text("instance", instance, "");
    k.Text("method", method, "");
    k.Choice("kind", kind, {"latency", "error", "hang", "truncate"}, "");
    k.Real("percent", percent, {.min = 0, .max = 100}, "");
    k.Duration("for", lasts, {}, "");
    k.Duration("latency", latency, {}, "");
    k.Text("code", code, "");
    k.Int("after", after, {.min = 0}, "");
    k.Choice("critical", critical, {"yes", "no"}, "");
  }
};

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> arguments;
  constexpr std::string_view kSeparators = " &\r\n\t";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(kSeparators), text.size());
    if (end > 0) arguments.push_back("--" + std::string(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return arguments;
}

std::optional<absl::StatusCode> CodeNamed(std::string_view name) {
  for (int code = 1; code <= 16; ++code) {
    const auto candidate = static_cast<absl::StatusCode>(code);
    if (absl::StatusCodeToString(candidate) == name) return candidate;
  }
  return std::nullopt;
}

Fault::Kind KindNamed(std::string_view name) {
  for (const auto kind : {Fault::Kind::kLatency, Fault::Kind::kHang, Fault::Kind::kTruncate}) {
    if (Name(kind) == name) return kind;
  }
  return Fault::Kind::kError;
}

bool Fits(const Fault& fault, const FaultPlan::Target& target) {
  if (target.criticality == Criticality::kCritical && !fault.critical_too) return false;
  const bool breaks_streams = fault.kind == Fault::Kind::kTruncate;
  if (fault.kind != Fault::Kind::kError && breaks_streams != target.stream) return false;
  return fault.neighbour == target.neighbour &&
         (fault.instance.empty() || fault.instance == target.instance) &&
         (fault.method.empty() || fault.method == target.method);
}

std::string Describe(const Fault& fault) {
  std::string text = fmt::format("{} % of {}{}{}: {}", fault.percent, fault.neighbour,
                                 fault.instance.empty() ? "" : " at " + fault.instance,
                                 fault.method.empty() ? "" : " " + fault.method, Name(fault.kind));
  switch (fault.kind) {
    case Fault::Kind::kLatency:
      text += " " + config::FormatDuration(std::chrono::duration_cast<milliseconds>(fault.latency));
      break;
    case Fault::Kind::kError:
      text += " " + absl::StatusCodeToString(fault.code);
      break;
    case Fault::Kind::kTruncate:
      text += fmt::format(" after {} messages", fault.after_messages);
      break;
    case Fault::Kind::kHang:
      break;
  }
  return text + (fault.critical_too ? ", critical calls too" : "");
}

}  // namespace

absl::StatusOr<Fault> ParseFault(std::string_view text) {
  Words words;
  config::Knobs knobs("fault");
  words.Describe(knobs);
  HOLDFAST_RETURN_IF_ERROR(knobs.Parse(Split(text), {}));
  if (words.neighbour.empty()) return InvalidArgument("neighbour: a fault needs one");
  if (words.percent <= 0) return InvalidArgument("percent: a fault needs more than 0");
  if (words.lasts.count() == 0) return InvalidArgument("for: a fault needs an end, as in for=5m");
  const std::optional<absl::StatusCode> code = CodeNamed(words.code);
  if (!code) return InvalidArgument("code: '{}' is no status code", words.code);
  const Fault::Kind kind = KindNamed(words.kind);
  if (kind == Fault::Kind::kLatency && words.latency.count() == 0) {
    return InvalidArgument("latency: how long? as in latency=80ms");
  }
  return Fault{.neighbour = words.neighbour,
               .instance = words.instance,
               .method = words.method,
               .kind = kind,
               .percent = words.percent,
               .lasts = words.lasts,
               .latency = words.latency,
               .code = *code,
               .after_messages = words.after,
               .critical_too = words.critical == "yes"};
}

std::string Name(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::kLatency:
      return "latency";
    case Fault::Kind::kError:
      return "error";
    case Fault::Kind::kHang:
      return "hang";
    case Fault::Kind::kTruncate:
      return "truncate";
  }
  return "";
}

FaultPlan::FaultPlan(bool enabled, const Limits& limits, const Clock& clock, Random& random,
                     telemetry::Metrics& metrics)
    : enabled_(enabled),
      limits_(limits),
      clock_(clock),
      random_(random),
      struck_(metrics.CounterFamily("holdfast_faults_injected_total",
                                    "Tries that a fault made on purpose was done to.",
                                    {"neighbour", "kind"})),
      spared_(metrics.CounterFamily(
          "holdfast_faults_spared_total",
          "Tries spared from a fault because too large a share had been struck.", {"neighbour"})),
      active_gauge_(
          metrics.Gauge("holdfast_faults_active", "Faults made on purpose that are in effect.")) {
  metrics
      .Gauge("holdfast_faults_enabled", "1 where faults can be made on purpose (fault_injection).")
      .Set(enabled ? 1 : 0);
  active_gauge_.Set(0);
  if (enabled) {
    telemetry::Log(telemetry::Warning, "faults can be made on purpose here: fault_injection is on");
  }
}

absl::StatusOr<int> FaultPlan::Add(const Fault& fault) {
  if (!enabled_) {
    return FailedPrecondition("faults are not enabled here: start with fault_injection=true");
  }
  if (fault.lasts <= Duration::zero() || fault.lasts > limits_.longest) {
    return InvalidArgument(
        "for: more than nothing and at most {} s",
        std::chrono::duration_cast<std::chrono::seconds>(limits_.longest).count());
  }
  if (fault.percent <= 0 || fault.percent > limits_.max_percent) {
    return InvalidArgument("percent: more than 0 and at most {}", limits_.max_percent);
  }
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  DropEnded(now);
  if (planned_.size() >= limits_.max_faults) {
    return InvalidArgument("there are {} faults already", planned_.size());
  }
  const int number = next_number_++;
  planned_.push_back({.number = number, .fault = fault, .ends_at = now + fault.lasts});
  telemetry::Log(telemetry::Warning, "FAULT begins, made on purpose",
                 {{"number", number},
                  {"fault", rpc::Describe(fault)},
                  {"seconds", std::chrono::duration<double>(fault.lasts).count()}});
  ShowActive();
  return number;
}

absl::Status FaultPlan::Remove(int number) {
  absl::MutexLock lock(&mutex_);
  const auto removed =
      std::erase_if(planned_, [&](const Planned& planned) { return planned.number == number; });
  if (removed == 0) return NotFound("no fault has the number {}", number);
  telemetry::Log(telemetry::Warning, "FAULT removed", {{"number", number}});
  ShowActive();
  return absl::OkStatus();
}

void FaultPlan::Clear() {
  absl::MutexLock lock(&mutex_);
  if (!planned_.empty()) {
    telemetry::Log(telemetry::Warning, "FAULTS all removed", {{"faults", planned_.size()}});
  }
  planned_.clear();
  ShowActive();
}

std::optional<Fault> FaultPlan::Strike(const Target& target) {
  if (!active_.load(std::memory_order_relaxed)) return std::nullopt;
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  DropEnded(now);
  auto [entry, is_new] = tries_.try_emplace(std::string(target.neighbour), kBlastWindow);
  SlidingWindow<Counts>& window = entry->second;
  ++window.At(now).tries;
  for (Planned& planned : planned_) {
    if (!Fits(planned.fault, target)) continue;
    if (random_.Uniform() * 100 >= planned.fault.percent) continue;
    if (!WithinBlastRadius(window, now)) {
      spared_.With({target.neighbour}).Add();
      return std::nullopt;
    }
    ++window.At(now).struck;
    ++planned.struck;
    struck_.With({target.neighbour, Name(planned.fault.kind)}).Add();
    return planned.fault;
  }
  return std::nullopt;
}

void FaultPlan::EndDue() {
  if (!active_.load(std::memory_order_relaxed)) return;
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  DropEnded(now);
}

std::string FaultPlan::Describe() const {
  if (!enabled_) return "Faults: cannot be made here (fault_injection is off)\n";
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  std::string page;
  for (const Planned& planned : planned_) {
    if (planned.ends_at <= now) continue;
    page += fmt::format("  #{} {}; struck {}, ends in {} s\n", planned.number,
                        rpc::Describe(planned.fault), planned.struck,
                        std::chrono::ceil<std::chrono::seconds>(planned.ends_at - now).count());
  }
  if (page.empty()) return "Faults: enabled, none in effect\n";
  return fmt::format(
      "!! FAULTS MADE ON PURPOSE are in effect (at most {} % of the tries to a neighbour):\n{}",
      limits_.max_percent, page);
}

void FaultPlan::DropEnded(SteadyTime now) {
  const auto ended =
      std::erase_if(planned_, [&](const Planned& planned) { return planned.ends_at <= now; });
  if (ended == 0) return;
  telemetry::Log(telemetry::Warning, "FAULTS ended", {{"faults", ended}});
  ShowActive();
}

bool FaultPlan::WithinBlastRadius(const SlidingWindow<Counts>& window, SteadyTime now) const {
  const Counts total = window.Total(now);
  const auto tries = static_cast<double>(std::max(total.tries, kFewTries));
  return static_cast<double>(total.struck + 1) <= limits_.max_percent / 100 * tries;
}

void FaultPlan::ShowActive() {
  active_gauge_.Set(static_cast<double>(planned_.size()));
  active_.store(!planned_.empty(), std::memory_order_relaxed);
}

}  // namespace holdfast::rpc
