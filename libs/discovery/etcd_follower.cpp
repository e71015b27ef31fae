#include "libs/discovery/etcd_follower.h"

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "libs/discovery/instance_text.h"
#include "libs/telemetry/log.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstRetry = 50ms;
constexpr Duration kLongestRetry = 5s;
constexpr Duration kAuditEvery = 4s;

}  // namespace

EtcdFollower::EtcdFollower(const EtcdEnvironment& environment, std::string service,
                           std::string prefix)
    : etcd_(environment),
      service_(std::move(service)),
      prefix_(std::move(prefix)),
      backoff_(kFirstRetry, kLongestRetry, environment.random) {}

void EtcdFollower::List() {
  etcd_.client.List(member_, prefix_, [self = weak_from_this(), round = round_](auto listed) {
    const auto follower = self.lock();
    if (follower == nullptr || follower->round_ != round) return;
    follower->OnListed(std::move(listed));
  });
}

void EtcdFollower::OnListed(absl::StatusOr<etcdserverpb::RangeResponse> listed) {
  if (!listed.ok()) return TryAgain(ToString(listed.status()), false);
  const std::int64_t revision = listed->header().revision();
  if (stream_ != nullptr && revision < revision_) {
    // The watch was faster than this answer, or the cluster was made anew: start over to know.
    return TryAgain("revision went back", true);
  }
  etcd_.board.BackendUp();
  backoff_.Reset();
  revision_ = revision;
  instances_.clear();
  for (auto& kv : *listed->mutable_kvs()) {
    instances_[kv.key().substr(prefix_.size())] = std::move(*kv.mutable_value());
  }
  Offer();
  if (stream_ == nullptr) Watch();
  PostList(kAuditEvery);
}

void EtcdFollower::Watch() {
  const auto here = [self = weak_from_this(), round = round_](auto&& call) {
    const auto follower = self.lock();
    if (follower != nullptr && follower->round_ == round) call(*follower);
  };
  stream_ = etcd_.client.Watch(
      member_,
      {.prefix = prefix_,
       .revision = revision_ + 1,
       .changed =
           [here](const etcdserverpb::WatchResponse& response) {
             here([&](EtcdFollower& follower) { follower.OnChanged(response); });
           },
       .ended =
           [here](const absl::Status& status) {
             here([&](EtcdFollower& follower) { follower.TryAgain(ToString(status), false); });
           }});
}

void EtcdFollower::OnChanged(const etcdserverpb::WatchResponse& response) {
  if (response.canceled()) {
    return TryAgain(
        response.compact_revision() > 0 ? "revision was compacted" : response.cancel_reason(),
        true);
  }
  const std::int64_t before = revision_;
  for (const etcdserverpb::Event& event : response.events()) {
    if (event.kv().mod_revision() <= before) continue;  // an audit has shown it already
    revision_ = std::max(revision_, event.kv().mod_revision());
    const std::string id = event.kv().key().substr(prefix_.size());
    if (event.type() == etcdserverpb::Event::DELETE) {
      instances_.erase(id);
    } else {
      instances_[id] = event.kv().value();
    }
  }
  if (revision_ != before) Offer();
}

void EtcdFollower::TryAgain(std::string_view why, bool same_member) {
  if (!same_member) {
    etcd_.board.BackendDown(fmt::format("{} {}", etcd_.client.endpoint(member_), why));
    ++member_;
  }
  ++round_;
  stream_.reset();
  PostList(backoff_.Next());
}

void EtcdFollower::PostList(Duration wait) {
  etcd_.loop.PostAfter(wait, [self = weak_from_this(), round = round_] {
    const auto follower = self.lock();
    if (follower != nullptr && follower->round_ == round) follower->List();
  });
}

void EtcdFollower::Offer() {
  InstanceSet set;
  for (const auto& [id, value] : instances_) {
    absl::StatusOr<Instance> instance = ParseInstance(id, value);
    if (instance.ok()) {
      set.push_back(*std::move(instance));
    } else if (telemetry::ShouldLog("discovery registration " + service_)) {
      telemetry::Log(telemetry::Warning, "registration skipped",
                     {{"service", service_}, {"reason", ToString(instance.status())}});
    }
  }
  etcd_.board.Offer(service_, std::move(set));
}

}  // namespace holdfast::discovery
