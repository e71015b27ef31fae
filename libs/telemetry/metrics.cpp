#include "libs/telemetry/metrics.h"

#include <prometheus/check_names.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <variant>

#include "absl/container/inlined_vector.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/base/string_map.h"

namespace holdfast::telemetry {
namespace {

constexpr double kLatencyBuckets[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                      0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

prometheus::Labels LabelsOf(const std::vector<std::string>& names,
                            std::initializer_list<std::string_view> values) {
  HOLDFAST_CHECK(names.size() == values.size());
  prometheus::Labels labels;
  auto name = names.begin();
  for (const std::string_view value : values) labels.emplace(*name++, std::string(value));
  return labels;
}

}  // namespace

std::span<const double> LatencyBuckets() { return kLatencyBuckets; }

void Counter::Add(double amount) const { counter_->Increment(amount); }
double Counter::value() const { return counter_->Value(); }
void Gauge::Set(double value) const { gauge_->Set(value); }
void Gauge::Add(double amount) const { gauge_->Increment(amount); }
double Gauge::value() const { return gauge_->Value(); }
void Histogram::Observe(double value) const { histogram_->Observe(value); }

namespace {

// The series of one family by their label values: asking again for one that exists, which answers
// do all the time, makes no labels and takes no exclusive lock.
template <class Series>
class SeriesMemo {
 public:
  template <class Make>
  Series* FindOrMake(std::initializer_list<std::string_view> values, const Make& make) {
    const Key key = KeyOf(values);
    const std::string_view text(key.data(), key.size());
    {
      absl::ReaderMutexLock lock(&mutex_);
      if (Series* const* known = Find(series_, text)) return *known;
    }
    absl::MutexLock lock(&mutex_);
    Series* const made = &make();
    series_.emplace(text, made);
    return made;
  }

  template <class Drop>
  void Remove(std::initializer_list<std::string_view> values, const Drop& drop) {
    const Key key = KeyOf(values);
    absl::MutexLock lock(&mutex_);
    const auto found = series_.find(std::string_view(key.data(), key.size()));
    if (found == series_.end()) return;
    drop(found->second);
    series_.erase(found);
  }

 private:
  using Key = absl::InlinedVector<char, 128>;

  static Key KeyOf(std::initializer_list<std::string_view> values) {
    Key key;
    for (const std::string_view value : values) {
      key.insert(key.end(), value.begin(), value.end());
      key.push_back('\xff');  // in no label value: they are UTF-8
    }
    return key;
  }

  absl::Mutex mutex_;
  StringMap<Series*> series_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

struct CounterFamily::Impl {
  prometheus::Family<prometheus::Counter>* family;
  std::vector<std::string> labels;
  SeriesMemo<prometheus::Counter> memo;
};

struct GaugeFamily::Impl {
  prometheus::Family<prometheus::Gauge>* family;
  std::vector<std::string> labels;
  SeriesMemo<prometheus::Gauge> memo;
};

struct HistogramFamily::Impl {
  prometheus::Family<prometheus::Histogram>* family;
  std::vector<std::string> labels;
  std::vector<double> buckets;
  SeriesMemo<prometheus::Histogram> memo;
};

Counter CounterFamily::With(std::initializer_list<std::string_view> values) const {
  return telemetry::Counter(impl_->memo.FindOrMake(values, [&]() -> prometheus::Counter& {
    return impl_->family->Add(LabelsOf(impl_->labels, values));
  }));
}

Gauge GaugeFamily::With(std::initializer_list<std::string_view> values) const {
  return telemetry::Gauge(impl_->memo.FindOrMake(values, [&]() -> prometheus::Gauge& {
    return impl_->family->Add(LabelsOf(impl_->labels, values));
  }));
}

Histogram HistogramFamily::With(std::initializer_list<std::string_view> values) const {
  return telemetry::Histogram(impl_->memo.FindOrMake(values, [&]() -> prometheus::Histogram& {
    return impl_->family->Add(LabelsOf(impl_->labels, values), impl_->buckets);
  }));
}

void CounterFamily::Remove(std::initializer_list<std::string_view> values) const {
  impl_->memo.Remove(values, [&](prometheus::Counter* series) { impl_->family->Remove(series); });
}

void GaugeFamily::Remove(std::initializer_list<std::string_view> values) const {
  impl_->memo.Remove(values, [&](prometheus::Gauge* series) { impl_->family->Remove(series); });
}

void HistogramFamily::Remove(std::initializer_list<std::string_view> values) const {
  impl_->memo.Remove(values, [&](prometheus::Histogram* series) { impl_->family->Remove(series); });
}

struct Metrics::Impl {
  // One per name; the alternative says the type, its label names must stay the same.
  using Family =
      std::variant<telemetry::CounterFamily, telemetry::GaugeFamily, telemetry::HistogramFamily>;

  struct Reading {
    std::string help;
    prometheus::MetricType type;
    std::function<double()> read;
  };

  void AddReading(std::string_view name, std::string_view help, prometheus::MetricType type,
                  std::function<double()> read) {
    HOLDFAST_CHECK(prometheus::CheckMetricName(std::string(name)));
    absl::MutexLock lock(&readings_mutex);
    readings.insert_or_assign(std::string(name), Reading{std::string(help), type, std::move(read)});
  }

  // The family of that name, made by `make` at first use.
  template <class T, class Make>
  T FindOrMake(std::string_view name, const std::vector<std::string>& labels, const Make& make) {
    HOLDFAST_CHECK(prometheus::CheckMetricName(std::string(name)));
    absl::MutexLock lock(&mutex);
    if (const Family* known = Find(families, name)) {
      const T* family = std::get_if<T>(known);
      HOLDFAST_CHECK(family != nullptr);  // one name, two types
      return *family;
    }
    for (const std::string& label : labels) {
      HOLDFAST_CHECK(prometheus::CheckLabelName(label));
    }
    T family = make();
    families.emplace(std::string(name), family);
    return family;
  }

  prometheus::Registry registry;
  absl::Mutex mutex;
  StringMap<Family> families ABSL_GUARDED_BY(mutex);
  // A lock of its own: it is held while `read` takes the locks of whoever is measured, who may be
  // asking for a metric just now.
  absl::Mutex readings_mutex;
  OrderedStringMap<Reading> readings ABSL_GUARDED_BY(readings_mutex);
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

telemetry::CounterFamily Metrics::CounterFamily(std::string_view name, std::string_view help,
                                                std::vector<std::string> labels) {
  const auto family = impl_->FindOrMake<telemetry::CounterFamily>(name, labels, [&] {
    telemetry::CounterFamily made;
    made.impl_.reset(new telemetry::CounterFamily::Impl{&prometheus::BuildCounter()
                                                             .Name(std::string(name))
                                                             .Help(std::string(help))
                                                             .Register(impl_->registry),
                                                        labels});
    return made;
  });
  HOLDFAST_CHECK(family.impl_->labels == labels);
  return family;
}

telemetry::GaugeFamily Metrics::GaugeFamily(std::string_view name, std::string_view help,
                                            std::vector<std::string> labels) {
  const auto family = impl_->FindOrMake<telemetry::GaugeFamily>(name, labels, [&] {
    telemetry::GaugeFamily made;
    made.impl_.reset(new telemetry::GaugeFamily::Impl{&prometheus::BuildGauge()
                                                           .Name(std::string(name))
                                                           .Help(std::string(help))
                                                           .Register(impl_->registry),
                                                      labels});
    return made;
  });
  HOLDFAST_CHECK(family.impl_->labels == labels);
  return family;
}

telemetry::HistogramFamily Metrics::HistogramFamily(std::string_view name, std::string_view help,
                                                    std::vector<std::string> labels,
                                                    std::span<const double> buckets) {
  const auto family = impl_->FindOrMake<telemetry::HistogramFamily>(name, labels, [&] {
    telemetry::HistogramFamily made;
    made.impl_.reset(new telemetry::HistogramFamily::Impl{&prometheus::BuildHistogram()
                                                               .Name(std::string(name))
                                                               .Help(std::string(help))
                                                               .Register(impl_->registry),
                                                          labels,
                                                          {buckets.begin(), buckets.end()}});
    return made;
  });
  HOLDFAST_CHECK(family.impl_->labels == labels);
  return family;
}

telemetry::Counter Metrics::Counter(std::string_view name, std::string_view help) {
  return CounterFamily(name, help, {}).With({});
}

telemetry::Gauge Metrics::Gauge(std::string_view name, std::string_view help) {
  return GaugeFamily(name, help, {}).With({});
}

telemetry::Histogram Metrics::Histogram(std::string_view name, std::string_view help,
                                        std::span<const double> buckets) {
  return HistogramFamily(name, help, {}, buckets).With({});
}

void Metrics::GaugeFrom(std::string_view name, std::string_view help,
                        std::function<double()> read) {
  impl_->AddReading(name, help, prometheus::MetricType::Gauge, std::move(read));
}

void Metrics::CounterFrom(std::string_view name, std::string_view help,
                          std::function<double()> read) {
  impl_->AddReading(name, help, prometheus::MetricType::Counter, std::move(read));
}

std::string Metrics::Scrape() const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  {
    absl::MutexLock lock(&impl_->readings_mutex);
    for (const auto& [name, reading] : impl_->readings) {
      prometheus::ClientMetric metric;
      const double value = reading.read();
      metric.gauge.value = value;
      metric.counter.value = value;
      families.push_back({name, reading.help, reading.type, {metric}});
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace holdfast::telemetry
