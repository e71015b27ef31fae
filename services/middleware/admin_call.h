// One call of an operator (REST): what it asks, who it is, and the forms of answers. Bodies are the
// messages of middleware.proto in their JSON form, with the names of the proto; numbers of 64 bits
// are texts. The contract is docs/api/admin-openapi.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "libs/base/deadline.h"
#include "libs/rpc/call.h"
#include "services/middleware/admin_operators.h"
#include "services/middleware/audit.h"
#include "services/middleware/rest_call.h"

namespace holdfast::middleware {

// A value; moves to a worker thread.
struct AdminCall : RestCall {
  std::string method;
  std::string target;    // path and query, as sent
  std::string if_match;  // an ETag, or ""
  Operator who;
  Deadline deadline = Deadline::After(std::chrono::seconds(0));

  Actor actor() const { return {"operator:" + who.name, client_address}; }
  rpc::Call rpc() const { return rpc::Call(deadline, {}); }
  std::int64_t id(std::size_t part = 0) const;  // of the path; 0: none of ours
  bool flag(std::string_view name) const;       // "1" or "true"
};

// The problem that a status is. Which field is at fault is told by the status' message: the first
// word of it that is a field of `request`.
http::Response ProblemOf(const absl::Status& status, const google::protobuf::Descriptor& request);

// The body as a message. INVALID_ARGUMENT says what is wrong and where; fields that the message
// does not have are refused.
absl::Status ReadBody(const std::string& body, google::protobuf::Message& message);

std::string JsonOf(const google::protobuf::Message& message);
// What is kept by clients: with its ETag.
http::Response Shown(const AdminCall& call, const google::protobuf::Message& message);
// The answer to a change; 200 or 201.
http::Response Done(const google::protobuf::Message& message, int status = 200);

// The list as {"items":[...],"next_cursor":...}.
class PageWriter {
 public:
  PageWriter();
  void Add(const google::protobuf::Message& item);
  // Nothing: the last page.
  std::string Finish(const std::optional<std::string>& next_cursor);

 private:
  std::string text_;
  bool first_ = true;
};

// "limit" of the query, from 1 to 1000.
std::optional<int> LimitOf(const AdminCall& call);
http::Response BadLimit();
http::Response BadCursor();
// "cursor" as a text: what it was made of. Nothing: none of ours.
std::optional<std::string> CursorText(const AdminCall& call);
std::string CursorOf(std::string_view text);

// Whether `message` is what If-Match names, if it names anything.
bool Matches(const AdminCall& call, const google::protobuf::Message& message);

}  // namespace holdfast::middleware
