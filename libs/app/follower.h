// Feeds one replica from a neighbour, on a thread of its own, for ever: listens to one instance,
// turns to another when that one falls silent, asks for everything again when an update was
// refused, and saves the copy on disk behind.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "holdfast/replica/v1/replica.pb.h"
#include "libs/app/threads.h"
#include "libs/base/random.h"
#include "libs/replica/replica.h"
#include "libs/rpc/channel.h"

namespace holdfast::app {

// Start and Stop from one thread; the rest is its own. Channel and replica must outlive Stop.
class Follower {
 public:
  Follower(rpc::Channel& from, replica::ReplicaBase& replica, const Clock& clock, Random& random);
  ~Follower();  // Stop()

  void Start();
  void Stop();  // cancels the stream, saves, joins

  const replica::ReplicaBase& replica() const { return replica_; }
  const std::string& producer() const { return from_.service(); }
  bool connected() const;  // something was heard on the present stream

 private:
  void Run();
  void ListenOnce();
  // False: this stream is of no more use.
  bool Take(replica::v1::WatchResponse& part);
  bool ApplyPending();
  void SaveIfDue();
  void SetReader(rpc::StreamReader* reader);

  rpc::Channel& from_;
  replica::ReplicaBase& replica_;
  const Clock& clock_;
  Random& random_;
  StopSignal stop_;
  std::thread thread_;

  // Of the thread only.
  replica::Update pending_;  // parts collected so far
  std::size_t pending_bytes_ = 0;
  bool collecting_ = false;
  bool want_everything_ = false;  // what we hold is not to be built upon
  int attempts_in_vain_ = 0;
  SteadyTime saved_at_;

  mutable absl::Mutex mutex_;
  rpc::StreamReader* reader_ ABSL_GUARDED_BY(mutex_) = nullptr;  // so that Stop can cancel it
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::app
