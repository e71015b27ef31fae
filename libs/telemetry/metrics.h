// Metrics of this process, in Prometheus's terms (prometheus-cpp underneath).
//
// Names: holdfast_<service>_<thing>_<unit>; counters end in _total. Label values come from small
// fixed sets: never a subscriber, a device or a URL.
#pragma once

#include <atomic>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace holdfast::telemetry {

// Handles are values; they stay valid as long as the Metrics they came from. Thread-safe.
class Counter {
 public:
  void Add(double amount = 1) const;
  double value() const;

 private:
  friend class Metrics;
  friend class CounterFamily;
  explicit Counter(prometheus::Counter* counter) : counter_(counter) {}
  prometheus::Counter* counter_;
};

class Gauge {
 public:
  void Set(double value) const;
  void Add(double amount) const;
  double value() const;

 private:
  friend class Metrics;
  friend class GaugeFamily;
  explicit Gauge(prometheus::Gauge* gauge) : gauge_(gauge) {}
  prometheus::Gauge* gauge_;
};

class Histogram {
 public:
  void Observe(double value) const;

 private:
  friend class Metrics;
  friend class HistogramFamily;
  explicit Histogram(prometheus::Histogram* histogram) : histogram_(histogram) {}
  prometheus::Histogram* histogram_;
};

// One metric with labels. With() takes the values in the order the names were declared, looks the
// series up under a lock and makes it at first use: keep the handle on a hot path. Remove() takes a
// series out of the page, for what comes and goes; handles of it must not be used any more.
class CounterFamily {
 public:
  Counter With(std::initializer_list<std::string_view> values) const;
  void Remove(std::initializer_list<std::string_view> values) const;

 private:
  friend class Metrics;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

class GaugeFamily {
 public:
  Gauge With(std::initializer_list<std::string_view> values) const;
  void Remove(std::initializer_list<std::string_view> values) const;

 private:
  friend class Metrics;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

class HistogramFamily {
 public:
  Histogram With(std::initializer_list<std::string_view> values) const;
  void Remove(std::initializer_list<std::string_view> values) const;

 private:
  friend class Metrics;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Upper bounds in seconds, 0.1 ms to 10 s: for anything a viewer waits for.
std::span<const double> LatencyBuckets();

// Thread-safe. Asking twice for one name gives the same metric; with another type or other labels
// it is a broken invariant.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  telemetry::Counter Counter(std::string_view name, std::string_view help);
  telemetry::Gauge Gauge(std::string_view name, std::string_view help);
  telemetry::Histogram Histogram(std::string_view name, std::string_view help,
                                 std::span<const double> buckets = LatencyBuckets());
  telemetry::CounterFamily CounterFamily(std::string_view name, std::string_view help,
                                         std::vector<std::string> labels);
  telemetry::GaugeFamily GaugeFamily(std::string_view name, std::string_view help,
                                     std::vector<std::string> labels);
  telemetry::HistogramFamily HistogramFamily(std::string_view name, std::string_view help,
                                             std::vector<std::string> labels,
                                             std::span<const double> buckets = LatencyBuckets());

  // A gauge (or counter) whose value is asked for at each scrape. `read` must be quick, must not
  // block and must not use this object; it is called until this object dies, or until the name is
  // given again, which replaces it.
  void GaugeFrom(std::string_view name, std::string_view help, std::function<double()> read);
  void CounterFrom(std::string_view name, std::string_view help, std::function<double()> read);

  // Prometheus text format 0.0.4.
  std::string Scrape() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::telemetry
