#include "services/middleware/oss_call.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "services/middleware/domain/mac.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kShortestMac = 12;
constexpr std::size_t kMostIds = 1000;
constexpr std::size_t kLongestId = 200;

// The first id decides for all. Account numbers may be long, too: those of accounts are MACs only
// with a colon.
bool AreMacs(const OssCall& call) {
  const std::string& first = call.ids.front();
  if (first.size() < kShortestMac) return false;
  const bool numbers_too = call.resource == "accounts" || call.resource == "users";
  return !numbers_too || first.find(':') != std::string::npos;
}

}  // namespace

std::string_view NameOf(OssAction action) {
  switch (action) {
    case OssAction::kGet:
      return "get";
    case OssAction::kCreate:
      return "create";
    case OssAction::kUpdate:
      return "update";
    case OssAction::kDelete:
      return "delete";
  }
  return "";
}

void ParseOssPath(std::string_view path, OssCall& call) {
  while (path.starts_with('/')) path.remove_prefix(1);
  if (path.starts_with("v1/")) path.remove_prefix(3);
  const std::size_t slash = path.find('/');
  call.resource = PercentDecode(path.substr(0, slash)).substr(0, kLongestId);
  if (slash == std::string_view::npos) return;
  const std::string_view ids = path.substr(slash + 1);
  for (const absl::string_view id :
       absl::StrSplit(absl::string_view(ids.data(), ids.size()), ',')) {
    std::string decoded = PercentDecode(View(id));
    absl::StripAsciiWhitespace(&decoded);
    if (!decoded.empty() && call.ids.size() < kMostIds) call.ids.push_back(std::move(decoded));
  }
  if (call.ids.empty()) return;
  call.by_mac = AreMacs(call);
  if (!call.by_mac) return;
  for (std::string& id : call.ids) {
    if (const auto mac = Mac::Parse(id)) id = mac->text();
  }
}

std::string OssEnvelope(const OssAnswer& answer) {
  std::string text;
  JsonWriter json(text);
  if (answer.ok()) {
    json.BeginObject().Field("status", "OK").Key("results").Raw(*answer).EndObject();
  } else {
    json.BeginObject().Field("status", "ERROR").Key("results").Null();
    json.Field("error", View(answer.status().message())).EndObject();
  }
  return text;
}

absl::StatusOr<OssPart> PartOf(const OssCall& call, std::size_t total, std::size_t most) {
  if (!call.Has("page")) {
    if (total <= most) return OssPart{0, total};
    return InvalidArgument(
        "There are {} of them, more than {}: ask for a part, as with page=1&per_page=1000", total,
        most);
  }
  const std::int64_t page = call.form.Int("page", 0);
  const std::int64_t per_page = call.form.Int("per_page", 1000);
  if (page < 1 || page > 10'000'000) return InvalidArgument("page is not a number from 1");
  if (per_page < 1 || per_page > static_cast<std::int64_t>(most)) {
    return InvalidArgument("per_page is not from 1 to {}", most);
  }
  const std::size_t first = std::min(total, static_cast<std::size_t>((page - 1) * per_page));
  return OssPart{first, std::min(total, first + static_cast<std::size_t>(per_page))};
}

absl::Status NeedOneId(const OssCall& call) {
  if (call.ids.empty()) return InvalidArgument("Identifier required");
  if (call.ids.size() > 1) return InvalidArgument("Only one identifier allowed");
  return absl::OkStatus();
}

absl::Status NeedSomeId(const OssCall& call) {
  if (call.ids.empty()) return InvalidArgument("Identifier required");
  return absl::OkStatus();
}

absl::Status NeedFields(const OssCall& call) {
  if (!call.form.fields().empty()) return absl::OkStatus();
  return call.action == OssAction::kCreate ? InvalidArgument("HTTP POST data is empty")
                                           : InvalidArgument("HTTP PUT data is empty");
}

absl::Status NotSupported(const OssCall& call) {
  return Unimplemented("Resource \"{}\" does not support action \"{}\"", call.resource,
                       NameOf(call.action));
}

}  // namespace holdfast::middleware
