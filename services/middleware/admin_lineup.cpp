// Operators' REST: channels, groups, lineups of packages, import and export.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_split.h"
#include "libs/base/status.h"
#include "services/middleware/admin_resources.h"
#include "services/middleware/convert.h"
#include "services/middleware/domain/lineup_csv.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kMostPackages = 100;

const google::protobuf::Descriptor& ChannelFields() { return *v1::PutChannelRequest::descriptor(); }

// What is stored, as a lineup: without removed channels, by number.
middleware::Lineup LineupOf(StoredLineup stored) {
  return {std::move(stored.channels), std::move(stored.genres), stored.revision};
}

// A page of the channels, which are in the order of their numbers.
http::Response ChannelPage(const AdminCall& call,
                           const std::vector<const middleware::Channel*>& channels) {
  const std::optional<int> limit = LimitOf(call);
  if (!limit) return BadLimit();
  const std::optional<Cursor> after = ParseCursor(call.Get("cursor"));
  if (!after) return BadCursor();
  PageWriter writer;
  std::optional<std::string> next;
  Cursor last;
  int count = 0;
  for (const middleware::Channel* channel : channels) {
    const Cursor position{channel->number, channel->id.value()};
    if (position <= *after) continue;
    if (count++ == *limit) {
      next = ToText(last);
      break;
    }
    writer.Add(ToProto(*channel));
    last = position;
  }
  return JsonAnswer(call, writer.Finish(next));
}

http::Response BadFormat() {
  return FieldProblem(400, "invalid", "format", "format is not m3u or csv");
}

}  // namespace

http::Response AdminResources::Channels(const AdminCall& call) {
  auto stored = store_.LoadLineup(call.deadline);
  if (!stored.ok()) return ProblemOf(stored.status(), ChannelFields());
  const middleware::Lineup lineup = LineupOf(*std::move(stored));
  const std::string_view package = call.Get("package"), group = call.Get("group");
  std::vector<const middleware::Channel*> channels;
  for (const middleware::Channel& channel : lineup.channels()) {
    const bool wanted = (package.empty() || channel.package.value() == package) &&
                        (group.empty() || channel.in_genre(GenreId(ParseChannelId(group).value())));
    if (wanted) channels.push_back(&channel);
  }
  return ChannelPage(call, channels);
}

http::Response AdminResources::Channel(const AdminCall& call) {
  const auto stored = store_.LoadLineup(call.deadline);
  if (!stored.ok()) return ProblemOf(stored.status(), ChannelFields());
  const middleware::Channel* channel = FindStored(*stored, ChannelId(call.id()));
  if (channel == nullptr) return Problem(404, "unknown", "there is no such channel");
  return Shown(call, ToProto(*channel));
}

http::Response AdminResources::WriteChannel(const AdminCall& call, std::int64_t id) {
  v1::PutChannelRequest request;
  v1::Channel& channel = *request.mutable_channel();
  const absl::Status read = ReadBody(call.body, channel);
  if (!read.ok()) return ProblemOf(read, ChannelFields());
  if (channel.channel_id() != 0 && channel.channel_id() != id) {
    return FieldProblem(400, "invalid", "channel_id",
                        id == 0 ? "channel_id is given by the server"
                                : "channel_id is another one than the address names");
  }
  channel.set_channel_id(id);
  if (id != 0) {
    const auto stored = store_.LoadLineup(call.deadline);
    if (!stored.ok()) return ProblemOf(stored.status(), ChannelFields());
    const middleware::Channel* before = FindStored(*stored, ChannelId(id));
    if (before == nullptr) return Problem(404, "unknown", "there is no such channel");
    if (!Matches(call, ToProto(*before))) {
      return Problem(412, "changed", "the channel is not what If-Match names");
    }
    // So that nothing can come between the comparison and the change.
    if (!call.if_match.empty()) request.set_expected_revision(stored->revision);
  }
  return DoAndShow(call, &Service::PutChannel, request, id == 0 ? 201 : 200);
}

http::Response AdminResources::AddChannel(const AdminCall& call) { return WriteChannel(call, 0); }

http::Response AdminResources::PutChannel(const AdminCall& call) {
  const std::int64_t id = call.id();
  return id == 0 ? Problem(404, "unknown", "there is no such channel") : WriteChannel(call, id);
}

http::Response AdminResources::RemoveChannel(const AdminCall& call) {
  v1::RemoveChannelRequest request;
  request.set_channel_id(call.id());
  if (!call.if_match.empty()) {
    const auto stored = store_.LoadLineup(call.deadline);
    if (!stored.ok()) return ProblemOf(stored.status(), ChannelFields());
    const middleware::Channel* before = FindStored(*stored, ChannelId(call.id()));
    if (before != nullptr && !Matches(call, ToProto(*before))) {
      return Problem(412, "changed", "the channel is not what If-Match names");
    }
    request.set_expected_revision(stored->revision);
  }
  const auto done = Do(call, &Service::RemoveChannel, request);
  return done.ok() ? NoContent() : ProblemOf(done.status(), *request.GetDescriptor());
}

http::Response AdminResources::Groups(const AdminCall& call) {
  auto stored = store_.LoadLineup(call.deadline);
  if (!stored.ok()) return ProblemOf(stored.status(), *v1::Genre::descriptor());
  const middleware::Lineup lineup = LineupOf(*std::move(stored));
  PageWriter writer;
  for (const Genre& genre : lineup.genres()) writer.Add(ToProto(genre));
  return JsonAnswer(call, writer.Finish(std::nullopt));
}

http::Response AdminResources::AddGroup(const AdminCall& call) {
  v1::PutGenreRequest request;
  const absl::Status read = ReadBody(call.body, *request.mutable_genre());
  if (!read.ok()) return ProblemOf(read, *request.GetDescriptor());
  if (request.genre().genre_id() != 0) {
    return FieldProblem(400, "invalid", "genre_id", "genre_id is given by the server");
  }
  return DoAndShow(call, &Service::PutGenre, request, 201);
}

http::Response AdminResources::PutGroup(const AdminCall& call) {
  v1::PutGenreRequest request;
  const absl::Status read = ReadBody(call.body, *request.mutable_genre());
  if (!read.ok()) return ProblemOf(read, *request.GetDescriptor());
  const std::int64_t id = call.id();
  if (id == 0) return Problem(404, "unknown", "there is no such group");
  if (request.genre().genre_id() != 0 && request.genre().genre_id() != id) {
    return FieldProblem(400, "invalid", "genre_id",
                        "genre_id is another one than the address names");
  }
  request.mutable_genre()->set_genre_id(id);
  return DoAndShow(call, &Service::PutGenre, request);
}

http::Response AdminResources::Packages(const AdminCall& call) {
  const auto stored = store_.LoadLineup(call.deadline);
  if (!stored.ok()) return ProblemOf(stored.status(), ChannelFields());
  std::map<std::string, int> counts;
  for (const middleware::Channel& channel : stored->channels) {
    if (!channel.removed) ++counts[channel.package.value()];
  }
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (const auto& [package, count] : counts) {
    json.BeginObject().Field("package_id", package).Field("channels", count).EndObject();
  }
  json.EndArray().Key("next_cursor").Null().EndObject();
  return JsonAnswer(call, std::move(text));
}

http::Response AdminResources::Lineup(const AdminCall& call) {
  std::vector<std::string> packages =
      absl::StrSplit(std::string(call.Get("packages")), ',', absl::SkipEmpty());
  if (packages.empty() || packages.size() > kMostPackages) {
    return FieldProblem(400, "invalid", "packages", "packages has not from 1 to 100 names");
  }
  auto stored = store_.LoadLineup(call.deadline);
  if (!stored.ok()) return ProblemOf(stored.status(), ChannelFields());
  const middleware::Lineup lineup = LineupOf(*std::move(stored));
  return ChannelPage(call, ChannelsFor(lineup, PackageSet(std::move(packages)), ListKind::kAll));
}

http::Response AdminResources::ImportLineup(const AdminCall& call) {
  v1::ImportLineupRequest request;
  const std::string_view format = call.Get("format");
  if (format != "m3u" && format != "csv") return BadFormat();
  (format == "m3u" ? *request.mutable_m3u() : *request.mutable_csv()) = call.body;
  request.set_dry_run(call.flag("dry_run"));
  request.set_allow_large_removal(call.flag("allow_large_removal"));
  if (call.body.empty()) return FieldProblem(400, "invalid", "body", "the body is empty");
  const auto done = Do(call, &Service::ImportLineup, request);
  if (absl::IsInvalidArgument(done.status())) {
    return FieldProblem(400, "invalid", "body", holdfast::View(done.status().message()));
  }
  if (absl::IsFailedPrecondition(done.status())) {
    return FieldProblem(409, "large-removal", "allow_large_removal",
                        holdfast::View(done.status().message()));
  }
  return done.ok() ? Done(*done) : ProblemOf(done.status(), *request.GetDescriptor());
}

http::Response AdminResources::ExportLineup(const AdminCall& call) {
  const std::string_view format = call.Get("format");
  if (format != "m3u" && format != "csv") return BadFormat();
  std::string_view base = call.Get("base_url");
  if (base.empty()) base = "http://127.0.0.1";
  if (base.find("://") == std::string_view::npos || base.size() > 500 ||
      base.find_first_of(" \r\n\t") != std::string_view::npos) {
    return FieldProblem(400, "invalid", "base_url", "base_url is no address");
  }
  auto stored = store_.LoadLineup(call.deadline);
  if (!stored.ok()) return ProblemOf(stored.status(), ChannelFields());
  const middleware::Lineup lineup = LineupOf(*std::move(stored));
  http::Response response =
      JsonAnswer(call, format == "m3u" ? ExportM3u(lineup, base) : ExportCsv(lineup));
  response.content_type = format == "m3u" ? std::string_view("audio/x-mpegurl; charset=utf-8")
                                          : std::string_view("text/csv; charset=utf-8");
  return response;
}

}  // namespace holdfast::middleware
