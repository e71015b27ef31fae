// One call of an operator's script (portal protocol, section 15): what it asks, and the envelope
// around the answer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/http/message.h"

namespace holdfast::middleware {

enum class OssAction { kGet, kCreate, kUpdate, kDelete };
std::string_view NameOf(OssAction action);

// A value.
struct OssCall {
  OssAction action = OssAction::kGet;
  std::string resource;          // "accounts"
  std::vector<std::string> ids;  // MACs in upper case, or account numbers, logins, ids
  bool by_mac = false;           // the ids are MACs
  http::Form form;               // of the body
  std::string actor;             // whose credentials
  std::string accept;            // the header, for resources that have several forms
  bool by_login = false;         // the ids are logins
  std::string idempotency_key;   // of all commands that the call makes; never empty
  WallTime now;
  Deadline deadline = Deadline::Never();
  // Set by a resource that could not find out who is online.
  mutable bool presence_unknown = false;
  // Set by a resource whose answer is a text by itself, without an envelope.
  mutable bool is_text = false;

  std::string_view Get(std::string_view name) const { return form.Get(name); }
  bool Has(std::string_view name) const { return form.Has(name); }
};

// The JSON of "results", or the text of "error" as the message of the status: scripts compare it.
using OssAnswer = absl::StatusOr<std::string>;

// "accounts/1,2" behind ".../api/" or ".../api/v1/": resource and ids.
void ParseOssPath(std::string_view path, OssCall& call);

// {"status":"OK","results":...} or {"status":"ERROR","results":null,"error":"..."}.
std::string OssEnvelope(const OssAnswer& answer);

// The part of a list that a GET asks for: page=2&per_page=100. Without a page it is all of it, but
// INVALID_ARGUMENT if that is more than `most`: the text says how to ask.
struct OssPart {
  std::size_t first = 0;
  std::size_t end = 0;
};
absl::StatusOr<OssPart> PartOf(const OssCall& call, std::size_t total, std::size_t most);

// What a call must have. The texts are the protocol's.
absl::Status NeedOneId(const OssCall& call);
absl::Status NeedSomeId(const OssCall& call);
absl::Status NeedFields(const OssCall& call);
absl::Status NotSupported(const OssCall& call);

inline constexpr const char* kOssTrue = "true";

}  // namespace holdfast::middleware
