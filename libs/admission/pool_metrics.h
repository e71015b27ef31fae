// What operators see of a pool that admits calls by an AdmissionQueue.
#pragma once

#include <array>
#include <string_view>

#include "libs/base/worker_pool.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::admission {

// Counts what was refused, by class and reason; for those who refuse without a queue as well.
class ShedCounters {
 public:
  ShedCounters(std::string_view server, telemetry::Metrics& metrics);

  void Add(Criticality criticality, std::string_view reason) const;
  void Add(Criticality criticality, Refusal why) const {
    by_refusal_[IndexOf(criticality)][static_cast<std::size_t>(why)].Add();
  }

 private:
  using ByRefusal = std::array<telemetry::Counter, kRefusals>;

  const std::string server_;
  const telemetry::CounterFamily family_;
  const std::array<ByRefusal, kCriticalities> by_refusal_;
};

// Thread-safe.
class PoolMetrics final : public WorkerPool::Observer {
 public:
  // `server`: "grpc", "http" ..., the label of all.
  PoolMetrics(std::string_view server, telemetry::Metrics& metrics);

  void Started(const Job& job, Duration waited) override;
  void Refused(const Job& job, Refusal why) override { shed_.Add(job.criticality, why); }
  // To be called before a scrape, or now and then.
  void Update(const WorkerPool& pool) const;

  const ShedCounters& shed() const { return shed_; }

 private:
  const ShedCounters shed_;
  const std::array<telemetry::Histogram, kCriticalities> waited_;
  const telemetry::Gauge limit_, running_, waiting_;
};

}  // namespace holdfast::admission
