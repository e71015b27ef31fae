#include "services/middleware/xmltv_export.h"

#include <fmt/format.h>

#include <algorithm>

#include "libs/base/encoding.h"
#include "services/middleware/domain/guide_id.h"
#include "services/middleware/xmltv_escape.h"

namespace holdfast::middleware {
namespace {

constexpr int kGzipLevel = 5;
constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kEndOfTime = 4'102'444'800;  // 2100
constexpr std::size_t kMaxParts = 100'000;
constexpr std::size_t kMaxPlainFiles = 2;  // of different content, in memory at once
constexpr std::size_t kGzipTrailer = 8;    // checksum and length of the content

constexpr std::string_view kHead =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tv generator-info-name=\"Holdfast\">\n";
constexpr std::string_view kTail = "</tv>\n";

std::int64_t DayOf(WallTime now) { return EpochSeconds(now) / kDay; }

std::string ETagOf(const Body& file, const AppCall& call) {
  return file.tag + (call.accepts_gzip ? "-gzip" : "");
}

std::string ChannelElement(std::string_view exported_id,
                           const std::vector<const Channel*>& channels) {
  std::string out = fmt::format("<channel id=\"{}\">", exported_id);
  std::vector<std::string_view> names;
  std::string_view icon;
  for (const Channel* channel : channels) {
    if (icon.empty()) icon = channel->logo;
    if (std::find(names.begin(), names.end(), channel->name) != names.end()) continue;
    names.push_back(channel->name);
    out += "<display-name>";
    AppendXmlEscaped(out, channel->name);
    out += "</display-name>";
  }
  if (!icon.empty()) {
    out += "<icon src=\"";
    AppendXmlEscaped(out, icon);
    out += "\"/>";
  }
  out += "</channel>\n";
  return out;
}

}  // namespace

XmltvFiles::XmltvFiles(const ReadModels& models, std::size_t max_bytes, telemetry::Metrics& metrics)
    : models_(models), files_({.name = "xmltv", .max_bytes = max_bytes}, metrics) {}

std::string XmltvFiles::KeyOf(const View& view) const {
  return fmt::format("{}|{}|{}|{}|{}", models_.lineup()->revision(), models_.guide()->revision,
                     DayOf(view.now), view.adult == AdultChannels::kShown ? "adult" : "",
                     view.entitlement.blocked() ? "!" : view.entitlement.packages.key());
}

std::shared_ptr<const Body> XmltvFiles::Ready(const View& view) { return files_.Find(KeyOf(view)); }

std::shared_ptr<const Body> XmltvFiles::Make(const View& view) {
  return files_.GetOrMake(KeyOf(view), [&] {
    const auto lineup = models_.lineup();
    const auto guide = models_.guide();
    const std::int64_t today = DayOf(view.now);
    // All channels stand before all programmes.
    std::string head(kHead);
    std::vector<SharedPart> parts;
    for (const Element& element :
         ElementsOf(ChannelsOfApp(*lineup, view.entitlement, view.adult))) {
      SharedPart part = PartOf(element, *guide, today);
      if (part == nullptr) continue;
      head += ChannelElement(ExportedGuideId(element.guide_id), element.channels);
      parts.push_back(std::move(part));
    }
    GzipJoiner joiner;
    joiner.Add(MakeGzipPart(head, kGzipLevel));
    for (const SharedPart& part : parts) joiner.Add(*part);
    joiner.Add(MakeGzipPart(kTail, kGzipLevel));
    ForgetUnusedParts(today);
    std::string gzip = std::move(joiner).Finish();
    std::string tag = ToHex(std::string_view(gzip).substr(gzip.size() - kGzipTrailer));
    return Body{.gzip = http::Store(std::move(gzip)), .tag = std::move(tag)};
  });
}

std::vector<XmltvFiles::Element> XmltvFiles::ElementsOf(
    const std::vector<const Channel*>& channels) {
  std::vector<Element> elements;
  StringMap<std::size_t> index;
  for (const Channel* channel : channels) {
    if (channel->guide_id.empty()) continue;
    const auto [it, fresh] = index.try_emplace(channel->guide_id, elements.size());
    if (fresh) elements.push_back({channel->guide_id, {}});
    elements[it->second].channels.push_back(channel);
  }
  return elements;
}

XmltvFiles::SharedPart XmltvFiles::PartOf(const Element& element, const Guide& guide,
                                          std::int64_t today) {
  const SharedSchedule* schedule = Find(guide.schedules, element.guide_id);
  if (schedule == nullptr) return nullptr;
  // The past as far as it can be watched again.
  int hours_back = 0;
  for (const Channel* channel : element.channels) {
    hours_back = std::max(hours_back, channel->catch_up_hours);
  }
  const std::int64_t from = today * kDay - hours_back * 3600LL;
  const auto programmes = (*schedule)->Between(from, kEndOfTime);
  if (programmes.empty()) return nullptr;
  const std::string key = fmt::format("{}|{}", hours_back, element.guide_id);
  {
    absl::MutexLock lock(&mutex_);
    CachedPart* held = Find(parts_, key);
    if (held != nullptr && held->schedule == *schedule && held->from == from) {
      held->used_day = today;
      return held->part;
    }
  }
  auto part = std::make_shared<const GzipPart>(MakeGzipPart(
      RenderXmltvProgrammes(ExportedGuideId(element.guide_id), programmes), kGzipLevel));
  absl::MutexLock lock(&mutex_);
  parts_[key] = {.schedule = *schedule, .from = from, .used_day = today, .part = part};
  return part;
}

void XmltvFiles::ForgetUnusedParts(std::int64_t today) {
  absl::MutexLock lock(&mutex_);
  if (parts_.size() > kMaxParts) parts_.clear();
  absl::erase_if(parts_, [&](const auto& entry) { return entry.second.used_day + 1 < today; });
}

XmltvExport::XmltvExport(const AdultRule& adult, const Parts& parts)
    : adult_(adult),
      parts_(parts),
      route_{"xmltv", [this](AppCall& call) { return Answer(call); }, RefusePlainly},
      plain_(kMaxPlainFiles) {}

void XmltvExport::AddRoutes(http::Router& router) {
  router.Any("/xmltv.php", [this](const http::Request& request, http::Reply reply) {
    parts_.gate.Run(parts_.gate.Parse(request), route_, std::move(reply));
  });
}

std::optional<http::Response> XmltvExport::Answer(AppCall& call) {
  const XmltvFiles::View view{*call.knowledge.entitlement, adult_.InPlayers(call.login->account),
                              call.now};
  std::shared_ptr<const Body> file = parts_.files.Ready(view);
  if ((file == nullptr || !call.accepts_gzip) && !call.may_block) return std::nullopt;
  if (file == nullptr) file = parts_.files.Make(view);

  const std::string etag = ETagOf(*file, call);
  http::Response response;
  if (HasCurrent(call, etag)) {
    response = NotModified(etag);
  } else {
    response.stored = call.accepts_gzip ? file->gzip : plain_.Of(file->gzip);
    if (response.stored == nullptr) return RefusePlainly(call, AppRefusal::kTryAgain);
    response.content_type = "application/xml; charset=utf-8";
    response.headers = {{"ETag", fmt::format("\"{}\"", etag)}, {"Vary", "Accept-Encoding"}};
    if (call.accepts_gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  }
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  if (const auto age = StaleSince(parts_.models.guide_replica())) {
    MarkDegraded(response, {{Neighbour::kEpg, age}}, route_.name, parts_.metrics);
  }
  if (const auto age = StaleSince(parts_.models.lineup_replica())) {
    MarkDegraded(response, {{Neighbour::kPostgres, age}}, route_.name, parts_.metrics);
  }
  return response;
}

}  // namespace holdfast::middleware
