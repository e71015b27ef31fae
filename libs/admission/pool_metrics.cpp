#include "libs/admission/pool_metrics.h"

#include <string>

namespace holdfast::admission {
namespace {

template <class Make>
auto ForEachCriticality(const Make& make) {
  return std::array{make(Criticality::kCritical), make(Criticality::kInteractive),
                    make(Criticality::kBackground), make(Criticality::kBulk)};
}

}  // namespace

ShedCounters::ShedCounters(std::string_view server, telemetry::Metrics& metrics)
    : server_(server),
      family_(metrics.CounterFamily("holdfast_admission_shed_total",
                                    "Work refused before it began, by class and reason.",
                                    {"server", "criticality", "reason"})),
      by_refusal_(ForEachCriticality([this](Criticality criticality) {
        const auto with = [&](Refusal why) {
          return family_.With({server_, NameOf(criticality), NameOf(why)});
        };
        return ByRefusal{with(Refusal::kQueueFull), with(Refusal::kWaitedLong),
                         with(Refusal::kLate), with(Refusal::kBusy)};
      })) {}

void ShedCounters::Add(Criticality criticality, std::string_view reason) const {
  family_.With({server_, NameOf(criticality), reason}).Add();
}

PoolMetrics::PoolMetrics(std::string_view server, telemetry::Metrics& metrics)
    : shed_(server, metrics),
      waited_(ForEachCriticality([&](Criticality criticality) {
        return metrics
            .HistogramFamily("holdfast_admission_queue_seconds",
                             "Time that work waited before it began.", {"server", "criticality"})
            .With({server, NameOf(criticality)});
      })),
      limit_(metrics
                 .GaugeFamily("holdfast_admission_limit",
                              "Pieces of work that may run together now.", {"server"})
                 .With({server})),
      running_(
          metrics
              .GaugeFamily("holdfast_admission_in_flight", "Pieces of work that run.", {"server"})
              .With({server})),
      waiting_(metrics
                   .GaugeFamily("holdfast_admission_waiting",
                                "Pieces of work that wait for their turn.", {"server"})
                   .With({server})) {}

void PoolMetrics::Started(const Job& job, Duration waited) {
  waited_[IndexOf(job.criticality)].Observe(std::chrono::duration<double>(waited).count());
}

void PoolMetrics::Update(const WorkerPool& pool) const {
  limit_.Set(static_cast<double>(pool.limit()));
  running_.Set(static_cast<double>(pool.busy()));
  waiting_.Set(static_cast<double>(pool.waiting()));
}

}  // namespace holdfast::admission
