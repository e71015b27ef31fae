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
#include "libs/discovery/etcd_access.h"
#include "libs/discovery/event_loop.h"

namespace holdfast::discovery {

// One cluster. Used on the thread of `loop`, where the answers arrive too. The loop outlives the
// client, but is stopped before the client dies; streams die before it. The destructor cancels what
// is under way and returns when gRPC is done with it (milliseconds).
//
// With a user and password it logs in before the first call and again when etcd has forgotten or
// refuses the token.
class EtcdClient {
 public:
  template <class Response>
  using Done = std::function<void(absl::StatusOr<Response>)>;

  // A call goes to endpoint `member` modulo their number, so that a caller that was failed goes on
  // with the next.
  EtcdClient(EtcdAccess access, EventLoop& loop);
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
  void KeepAlive(std::size_t member, std::int64_t lease, Duration timeout,
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
  template <class Request, class Response>
  void CallWithoutLogin(std::size_t member, const char* method, Request request, Duration timeout,
                        Done<Response> done);
  // Runs `then` when there is a token, none is wanted, or none can be had.
  void Login(std::size_t member, std::function<void(absl::Status)> then);
  void LoggedIn(const absl::StatusOr<etcdserverpb::AuthenticateResponse>& answer);
  // A token that etcd does not honour is forgotten, so that the next call logs in.
  void LookForRefusal(const absl::Status& status);

  const EtcdAccess access_;
  EventLoop& loop_;
  std::string token_;                                              // empty: not logged in
  std::vector<std::function<void(absl::Status)>> awaiting_token_;  // while a login is under way
  std::vector<std::unique_ptr<Member>> members_;
  std::shared_ptr<Pending> pending_;
};

}  // namespace holdfast::discovery
