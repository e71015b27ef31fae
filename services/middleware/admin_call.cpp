#include "services/middleware/admin_call.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <set>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t kLongestDetail = 500;

void CollectFields(const Descriptor& descriptor, std::set<std::string>& names, int depth = 0) {
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    names.emplace(field.name());
    if (field.message_type() != nullptr && depth < 5) {
      CollectFields(*field.message_type(), names, depth + 1);
    }
  }
}

bool IsFieldByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The first word that is one of the names. A word behind a dot is a part of a path ("title.name"),
// and the last part is what is at fault.
std::string FieldIn(std::string_view message, const std::set<std::string>& names) {
  std::string found;
  std::size_t at = 0;
  while (at < message.size()) {
    if (!IsFieldByte(message[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < message.size() && IsFieldByte(message[at])) ++at;
    const std::string word(message.substr(begin, at - begin));
    if (names.contains(word)) found = word;
    if (!found.empty() && at < message.size() && message[at] == '[') {  // "files[0].file_id"
      at = std::min(message.find(']', at), message.size() - 1) + 1;
    }
    if (!found.empty() && (at >= message.size() || message[at] != '.')) return found;
  }
  return found;
}

std::string Shorten(std::string_view text) { return CleanUtf8(text.substr(0, kLongestDetail)); }

}  // namespace

std::int64_t AdminCall::id(std::size_t part) const {
  return part < parts.size() ? ParseChannelId(parts[part]).value() : 0;
}

bool AdminCall::flag(std::string_view name) const {
  const std::string_view value = Get(name);
  return value == "1" || value == "true";
}

http::Response ProblemOf(const absl::Status& status, const Descriptor& request) {
  std::set<std::string> names;
  CollectFields(request, names);
  const std::string detail = Shorten(holdfast::View(status.message()));
  const std::string field = FieldIn(detail, names);
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return FieldProblem(400, "invalid", field, detail);
    case absl::StatusCode::kNotFound:
      return FieldProblem(404, "unknown", field, detail);
    case absl::StatusCode::kAlreadyExists:
      return FieldProblem(409, "taken", field, detail);
    case absl::StatusCode::kFailedPrecondition:
      return FieldProblem(409, "refused", field, detail);
    case absl::StatusCode::kResourceExhausted:
      return FieldProblem(409, "full", field, detail);
    case absl::StatusCode::kAborted:
      return Problem(412, "changed", detail);
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return TryAgain("the database cannot be used at the moment");
    default:
      return Problem(500, "internal", "the log of the instance tells more");
  }
}

absl::Status ReadBody(const std::string& body, Message& message) {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || body[first] != '{') {
    return InvalidArgument("the body is no JSON object");
  }
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = false;
  const auto read = google::protobuf::util::JsonStringToMessage(body, &message, options);
  if (read.ok()) return absl::OkStatus();
  return InvalidArgument("{}", Shorten({read.message().data(), read.message().size()}));
}

std::string JsonOf(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto printed = google::protobuf::util::MessageToJsonString(message, &text, options);
  return printed.ok() ? text : "{}";
}

http::Response Shown(const AdminCall& call, const Message& message) {
  return JsonAnswer(call, JsonOf(message));
}

http::Response Done(const Message& message, int status) {
  http::Response response = FreshJson(JsonOf(message));
  response.status = status;
  return response;
}

PageWriter::PageWriter() : text_("{\"items\":[") {}

void PageWriter::Add(const Message& item) {
  if (!first_) text_ += ',';
  first_ = false;
  text_ += JsonOf(item);
}

std::string PageWriter::Finish(const std::optional<std::string>& next_cursor) {
  text_ += "],\"next_cursor\":";
  if (next_cursor) {
    text_ += '"' + *next_cursor + '"';  // base64url
  } else {
    text_ += "null";
  }
  return std::move(text_) + '}';
}

std::optional<int> LimitOf(const AdminCall& call) {
  const auto limit = NumberBetween(call, "limit", 100, 1, 1000);
  return limit ? std::optional(static_cast<int>(*limit)) : std::nullopt;
}

http::Response BadLimit() {
  return FieldProblem(400, "bad-limit", "limit", "limit is not from 1 to 1000");
}

http::Response BadCursor() {
  return FieldProblem(400, "bad-cursor", "cursor", "cursor is none of a list");
}

std::optional<std::string> CursorText(const AdminCall& call) {
  return FromBase64Url(call.Get("cursor"));
}

std::string CursorOf(std::string_view text) { return ToBase64Url(text); }

bool Matches(const AdminCall& call, const Message& message) {
  if (call.if_match.empty() || call.if_match == "*") return true;
  AdminCall probe;
  probe.if_none_match = call.if_match;
  return JsonAnswer(probe, JsonOf(message)).status == 304;
}

}  // namespace holdfast::middleware
