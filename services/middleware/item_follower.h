// Keeps a replica like one topic of the table `item`: every second it reads what is beyond the
// revision that it holds. See DatabaseFollower.
#pragma once

#include <cstdint>
#include <string>

#include "libs/replica/replica.h"
#include "services/middleware/store.h"

namespace holdfast::middleware {

// For one thread (a job).
class ItemFollower {
 public:
  ItemFollower(Store& store, std::string topic, replica::ReplicaBase& replica)
      : store_(store), topic_(std::move(topic)), replica_(replica) {}

  // `revision`: where the topic stands in the database of that life.
  absl::Status Follow(const std::string& life, std::uint64_t revision, Deadline deadline);

 private:
  Store& store_;
  const std::string topic_;
  replica::ReplicaBase& replica_;
};

}  // namespace holdfast::middleware
