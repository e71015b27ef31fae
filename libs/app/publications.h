// Serves holdfast.replica.v1.Publications: what this process publishes, to whoever follows.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "holdfast/replica/v1/replica.pb.h"
#include "libs/base/string_map.h"
#include "libs/replica/publication.h"
#include "libs/rpc/service.h"

namespace holdfast::app {

// Add before serving; Watch runs on one thread per follower. The publications must outlive this.
class PublicationService {
 public:
  static constexpr std::string_view kServiceName = "holdfast.replica.v1.Publications";

  void Add(replica::Publication& publication);
  bool empty() const { return publications_.empty(); }
  // "edges                    revision 7, 12 items", a line each.
  std::string Describe() const;

  void Register(rpc::ServiceTable& table);

  // Ends all streams with UNAVAILABLE, now and from now on: followers turn to another instance.
  void Stop();

 private:
  absl::Status Watch(const rpc::Call& call, const replica::v1::WatchRequest& request,
                     rpc::StreamWriter& writer);

  OrderedStringMap<replica::Publication*> publications_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace holdfast::app
