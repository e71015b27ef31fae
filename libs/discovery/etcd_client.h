// etcd v3 over gRPC, as much as discovery needs. Nothing here waits: each call carries a deadline,
// so that an etcd that hangs costs time and never a thread, and answers on the event loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "etcd/rpc.pb.h"
#include "libs/base/clock.h"
#include "libs/discovery/event_loop.h"

namespace holdfast::discovery {

// One cluster. Thread-safe. Answers are posted to `loop`, which must outlive the client. Streams
// die before it. The destructor cancels what is under way and returns when gRPC is done with it
// (milliseconds).
class EtcdClient {
 public:
  template <class Response>
  using Done = std::function<void(absl::StatusOr<Response>)>;

  // `endpoints`: "host:port", at least one. A call goes to endpoint `member` modulo their number,
  // so that a caller that was failed goes on with the next.
  EtcdClient(const std::vector<std::string>& endpoints, EventLoop& loop);
  ~EtcdClient();
  EtcdClient(const EtcdClient&) = delete;
  EtcdClient& operator=(const EtcdClient&) = delete;

  const std::string& endpoint(std::size_t member) const;

  // All keys that begin with `prefix`.
  void List(std::size_t member, std::string_view prefix, Done<etcdserverpb::RangeResponse> done);
  void Get(std::size_t member, std::string_view key, Done<etcdserverpb::RangeResponse> done);
  void Put(std::size_t member, const etcdserverpb::PutRequest& request,
           Done<etcdserverpb::PutResponse> done);
  void GrantLease(std::size_t member, std::chrono::seconds ttl,
                  Done<etcdserverpb::LeaseGrantResponse> done);
  void RevokeLease(std::size_t member, std::int64_t lease, Duration timeout,
                   Done<etcdserverpb::LeaseRevokeResponse> done);
  // TTL 0 in the answer: the lease is gone.
  void KeepAlive(std::size_t member, std::int64_t lease,
                 Done<etcdserverpb::LeaseKeepAliveResponse> done);

  // Changes below `prefix` from `revision` on, until the stream breaks (`ended` runs once, after
  // the last event) or the handle is dropped (cancels; `ended` still runs).
  class Stream {
   public:
    virtual ~Stream() = default;
  };
  struct WatchOrder {
    std::string prefix;
    std::int64_t revision = 0;
    std::function<void(const etcdserverpb::WatchResponse&)> changed;
    std::function<void(absl::Status)> ended;
  };
  std::unique_ptr<Stream> Watch(std::size_t member, WatchOrder order);

 private:
  struct Member;
  struct Pending;
  class KeepAliveCall;
  class WatchCall;
  class WatchHandle;

  const Member& MemberAt(std::size_t member) const;
  template <class Request, class Response>
  void Call(std::size_t member, const char* method, Request request, Duration timeout,
            Done<Response> done);

  EventLoop& loop_;
  std::vector<std::unique_ptr<Member>> members_;
  std::shared_ptr<Pending> pending_;
};

}  // namespace holdfast::discovery
