// The consumer's side of a read model: the last good copy, in memory and on local disk. A producer
// that dies, hangs or lies costs freshness, never an answer.
//
//   replica::Replica<v1::Edge> edges({.name = "edges", .file = data_dir + "/edges.replica"}, clock,
//                                    metrics, ValidateEdge);
//   runtime.Follow(to_cdn_routing, edges);
//   std::shared_ptr<const ItemMap<v1::Edge>> now = edges.Current();   // never null
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "google/protobuf/message_lite.h"
#include "libs/base/clock.h"
#include "libs/base/status.h"
#include "libs/replica/publication.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::replica {

struct ReplicaOptions {
  std::string name;  // the publication's name, also the label of the metrics
  std::string file;  // the copy on disk; empty: none
  // A full update that would leave less than this share of the present items is refused until it
  // has been offered for `shrink_patience`: a producer that lost its data must not empty us. 0:
  // off.
  double refuse_shrink_below = 0.5;
  std::chrono::milliseconds shrink_patience = std::chrono::minutes(5);
};

// What of a replica does not depend on the message type. Fed by one thread (see Runtime::Follow),
// read by any.
class ReplicaBase {
 public:
  ReplicaBase(const ReplicaOptions& options, const Clock& clock, telemetry::Metrics& metrics);
  virtual ~ReplicaBase() = default;

  const std::string& name() const { return options_.name; }
  std::string epoch() const;
  std::uint64_t revision() const;

  // Time since the producer was last known to agree with what is held (a heartbeat of another
  // revision, as from a producer that has not loaded its data yet, is no agreement). For
  // `X-Degraded: ...;age=`. After a start from disk the age of the file counts; never heard: years.
  std::chrono::seconds age() const;
  bool stale() const { return age() > std::chrono::seconds(10); }
  bool loaded() const;  // holds something, from the producer or from disk

  // Validates and applies one update as a whole. An error leaves the replica as it was, is
  // counted, and means: ask the producer for everything again. A delta that is already part of what
  // is held changes nothing. Feeding thread only.
  absl::Status Apply(const Update& update);

  // Reads the file; NOT_FOUND or DATA_LOSS leave the replica empty. Before the first Apply.
  absl::Status LoadFromDisk();

  // Writes the file if something changed since the last time. Feeding thread only (blocks on disk).
  absl::Status SaveToDisk();

 protected:
  // Parse and check all of it, then swap. `full`: replaces everything.
  virtual absl::Status ApplyItems(
      bool full, const std::vector<std::pair<std::string, SharedBytes>>& items) = 0;
  // Everything held, for the file.
  virtual std::vector<std::pair<std::string, SharedBytes>> AllItems() const = 0;
  virtual std::size_t ItemCount() const { return AllItems().size(); }
  virtual void OnReset() {}  // feeds: what is held is suspect

  const ReplicaOptions options_;
  const Clock& clock_;

 private:
  absl::Status ApplyFull(const Update& update);
  absl::Status ApplyDelta(const Update& update);
  bool ShrinksTooMuch(std::size_t items);
  void Accept(const Update& update);

  mutable absl::Mutex mutex_;
  std::string epoch_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  bool loaded_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyTime heard_at_ ABSL_GUARDED_BY(mutex_);
  SteadyTime shrink_first_offered_ ABSL_GUARDED_BY(mutex_);
  bool shrink_offered_ ABSL_GUARDED_BY(mutex_) = false;
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;
  telemetry::Counter applied_;
  telemetry::Counter refused_;
};

// A consistent picture at one revision. Items are shared between pictures, so a delta costs its
// own size plus one map of pointers.
template <class Message>
struct ItemMap {
  std::uint64_t revision = 0;
  OrderedStringMap<std::shared_ptr<const Message>> items;
};

template <class Message>
class Replica final : public ReplicaBase {
 public:
  using Picture = std::shared_ptr<const ItemMap<Message>>;
  // An error refuses the whole update.
  using Validate = std::function<absl::Status(std::string_view key, const Message&)>;
  // Runs on the feeding thread after each change (and after LoadFromDisk): rebuild indexes here.
  using OnChange = std::function<void(const Picture&)>;

  Replica(const ReplicaOptions& options, const Clock& clock, telemetry::Metrics& metrics,
          Validate validate = nullptr, OnChange on_change = nullptr)
      : ReplicaBase(options, clock, metrics),
        validate_(std::move(validate)),
        on_change_(std::move(on_change)),
        current_(std::make_shared<ItemMap<Message>>()) {}

  Picture Current() const {
    absl::MutexLock lock(&mutex_);
    return current_;
  }

 protected:
  absl::Status ApplyItems(
      bool full, const std::vector<std::pair<std::string, SharedBytes>>& changes) override {
    auto next = std::make_shared<ItemMap<Message>>();
    const Picture previous = Current();
    if (!full) next->items = previous->items;
    for (const auto& [key, bytes] : changes) {
      if (bytes == nullptr) {
        next->items.erase(key);
        continue;
      }
      auto message = std::make_shared<Message>();
      if (!message->ParseFromString(*bytes)) return DataLoss("item {} cannot be parsed", key);
      if (validate_) HOLDFAST_RETURN_IF_ERROR(validate_(key, *message));
      next->items[key] = std::move(message);
    }
    next->revision = previous->revision + 1;
    {
      absl::MutexLock lock(&mutex_);
      current_ = next;
    }
    if (on_change_) on_change_(next);
    return absl::OkStatus();
  }

  std::vector<std::pair<std::string, SharedBytes>> AllItems() const override {
    std::vector<std::pair<std::string, SharedBytes>> all;
    const Picture picture = Current();
    all.reserve(picture->items.size());
    for (const auto& [key, message] : picture->items) {
      all.emplace_back(key, MakeShared(message->SerializeAsString()));
    }
    return all;
  }

  std::size_t ItemCount() const override { return Current()->items.size(); }

 private:
  const Validate validate_;
  const OnChange on_change_;
  mutable absl::Mutex mutex_;
  Picture current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::replica
