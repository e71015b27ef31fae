// What all back ends share: the guarded set of each service, its file, its watchers and metrics. A
// back end only says what it sees (Offer) and drives time (Tick).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/discovery/directory.h"
#include "libs/discovery/guarded_set.h"

namespace holdfast::discovery {

// Thread-safe. Offer and Tick deliver to watchers and write the file on the calling thread; call
// them from the one thread of the back end. Outlives the watches it gave out.
class SetBoard {
 public:
  // `backend` is the word before the colon of the spec.
  SetBoard(std::string_view backend, const Options& options, const Clock& clock,
           telemetry::Metrics& metrics);
  ~SetBoard();

  struct Subscription {
    std::unique_ptr<Watch> watch;
    bool first_of_service = false;  // the back end has to begin to follow it
  };
  Subscription Subscribe(std::string_view service, Directory::Callback callback);

  void Offer(std::string_view service, InstanceSet offered);
  // The back end says that what it offered last still holds.
  void Confirm(std::string_view service);
  void Tick();
  SteadyTime next_tick() const;  // at most a second away

  void BackendUp();
  void BackendDown(std::string_view why);
  bool up() const;
  // A line about one registration of this process; empty: it is gone.
  void ShowRegistration(std::string_view key, std::string line);
  std::string Describe() const;

 private:
  using SharedSet = std::shared_ptr<const InstanceSet>;
  struct Subscriber;
  struct Service;
  class Handle;

  Service& ServiceOf(std::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish(std::string_view name);
  void Save(std::string_view name, const InstanceSet& set);
  void ShowAges(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string DescribeService(std::string_view name, const Service& service, SteadyTime now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Deliver(Subscriber& subscriber, const SharedSet& set, std::uint64_t version);
  void Remove(std::string_view service, const Subscriber& subscriber);

  const std::string backend_;
  const std::string snapshot_dir_;
  const Duration shrink_hold_;
  const Clock& clock_;
  telemetry::GaugeFamily instances_;
  telemetry::GaugeFamily age_;
  telemetry::CounterFamily guarded_;
  telemetry::Counter not_saved_;
  telemetry::Gauge backend_up_;

  mutable absl::Mutex mutex_;
  OrderedStringMap<std::unique_ptr<Service>> services_ ABSL_GUARDED_BY(mutex_);
  OrderedStringMap<std::string> registrations_ ABSL_GUARDED_BY(mutex_);
  bool up_ ABSL_GUARDED_BY(mutex_) = false;
  std::string why_down_ ABSL_GUARDED_BY(mutex_) = "not reached yet";
  SteadyTime down_since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::discovery
