// Keeps the board's picture of one service equal to what etcd lists.
//
//            listed                 stream breaks, listing fails, compaction
//   LISTING ---------> FOLLOWING ---------------------------------------------> (back-off, next
//      ^                 |   ^                                                   member) LISTING
//      |                 v   | every few seconds: list again; proves that the
//      +---------------- audit  member still answers and that no change was missed
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "libs/base/random.h"
#include "libs/base/string_map.h"
#include "libs/discovery/backoff.h"
#include "libs/discovery/etcd_client.h"
#include "libs/discovery/event_loop.h"
#include "libs/discovery/set_board.h"

namespace holdfast::discovery {

struct EtcdEnvironment {  // what followers and registrations borrow; all outlive them
  EtcdClient& client;
  EventLoop& loop;
  SetBoard& board;
  Random& random;
};

// Everything runs on the loop's thread. Held by shared_ptr: answers that come after its death find
// nobody.
class EtcdFollower : public std::enable_shared_from_this<EtcdFollower> {
 public:
  // `prefix` ends in "<service>/".
  EtcdFollower(const EtcdEnvironment& environment, std::string service, std::string prefix);

  void Start() { List(); }

 private:
  void List();
  void OnListed(absl::StatusOr<etcdserverpb::RangeResponse> listed);
  void OnChanged(const etcdserverpb::WatchResponse& response);
  void TryAgain(std::string_view why, bool same_member);
  void Watch();
  void PostList(Duration wait);
  void Offer();

  EtcdEnvironment etcd_;
  const std::string service_;
  const std::string prefix_;
  Backoff backoff_;
  std::size_t member_ = 0;
  std::uint64_t round_ = 0;                     // answers from before the last TryAgain are stale
  std::int64_t revision_ = 0;                   // of etcd, that `instances_` shows
  OrderedStringMap<std::string> instances_;     // id -> value as stored
  std::unique_ptr<EtcdClient::Stream> stream_;  // null: not following
};

}  // namespace holdfast::discovery
