// Playing films and episodes, and what a viewer leaves behind: favourites, resume points, history.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_archive.h"
#include "services/middleware/portal_reminders.h"
#include "services/middleware/portal_vod.h"
#include "services/middleware/vod_rows.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestTail = 64;
constexpr std::int64_t kLongestPosition = 7 * 86'400;

// "auto /media/file_7.mpg position:30" -> "file_7" and " position:30".
struct Handle {
  std::string_view name;
  std::string_view tail;
};

Handle ParseHandle(std::string_view cmd) {
  constexpr std::string_view kMark = "/media/";
  const std::size_t at = cmd.find(kMark);
  if (at == std::string_view::npos) return {};
  cmd.remove_prefix(at + kMark.size());
  const std::size_t dot = cmd.find_first_of(". ");
  const std::size_t space = cmd.find(' ');
  return {.name = cmd.substr(0, dot),
          .tail = space == std::string_view::npos ? std::string_view()
                                                  : cmd.substr(space, kLongestTail)};
}

std::string LinkAnswer(std::int64_t id, std::string_view command, std::string_view error,
                       const VodFile* file, std::string_view words = {}) {
  std::string js;
  JsonWriter json(js);
  json.BeginObject().Key("id").String(id).Field("cmd", command).Field("storage_id", "1");
  json.Field("load", "").Field("error", error).Key("subtitles").BeginArray();
  if (file != nullptr) {
    for (const VodSubtitle& subtitle : file->subtitles) {
      json.BeginObject().Field("file", subtitle.address).Field("lang", subtitle.language);
      json.EndObject();
    }
  }
  json.EndArray();
  if (!words.empty()) json.Field("msg", words);
  json.EndObject();
  return js;
}

}  // namespace

std::optional<std::string> VodActions::AddressOf(const VodFile& file, WallTime now) const {
  if (!file.address.empty()) return file.address;
  auto link = parts_.links.File(file.directory, file.file, now);
  if (!link) return std::nullopt;
  return std::move(link->address);
}

PortalAnswer VodActions::CreateLink(PortalCall& call) {
  const Handle handle = ParseHandle(call.Get("cmd"));
  const auto catalogue = parts_.models.catalogue();
  const auto episode = static_cast<int>(
      std::min<std::int64_t>(std::max<std::int64_t>(call.form.Int("series", 0), 0), 100'000));
  const auto choice = FindMedia(*catalogue, handle.name, episode);
  if (!choice) {
    parts_.metrics.film_links.With({"nothing_to_play"}).Add();
    return PortalAnswer::Js(LinkAnswer(0, "", "nothing_to_play", nullptr)).With(CatalogueAge());
  }
  const std::int64_t id = choice->title->id;
  const Entitlement& entitlement = *call.knowledge.entitlement;
  const FilmRight right = RightsOf(call).Of(*choice->title);
  if (IsUnknown(right, call.knowledge.source)) {
    parts_.metrics.film_links.With({"link_fault"}).Add();
    return PortalAnswer::Js(LinkAnswer(id, "", "link_fault", nullptr))
        .With(Degradation{Neighbour::kBilling, {}});
  }
  const bool allowed = (call.locked_is_open || !choice->title->adult) &&
                       MayPlay(entitlement, right, call.now) == Verdict::kAllowed;
  if (!allowed) {
    parts_.metrics.film_links.With({"access_denied"}).Add();
    return PortalAnswer::Js(LinkAnswer(id, "", "access_denied", nullptr));
  }
  const std::optional<std::string> address = AddressOf(*choice->file, call.now);
  if (!address) {
    parts_.metrics.film_links.With({"link_fault"}).Add();
    return PortalAnswer::Js(LinkAnswer(id, "", "link_fault", nullptr));
  }
  const auto alone = parts_.streams.Alone(entitlement);
  if (!parts_.streams.Admits(*call.device, entitlement)) {
    parts_.metrics.film_links.With({"limit"}).Add();
    const std::string words = parts_.streams.Words(call.device->account, entitlement);
    return PortalAnswer::Js(LinkAnswer(id, "", "limit", nullptr, words)).With(alone);
  }
  parts_.metrics.film_links.With({"ok"}).Add();
  auto answer = PortalAnswer::Js(LinkAnswer(
      id, absl::StrCat("ffmpeg ", *address, std::string(handle.tail)), "", choice->file));
  if (const auto age = parts_.links.EdgesStaleSince()) {
    answer.degradations.push_back({Neighbour::kCdnRouting, age});
  }
  return std::move(answer).With(alone).With(CatalogueAge());
}

bool VodActions::CanSee(const PortalCall& call, std::int64_t id) const {
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title = catalogue->FindTitle(id);
  return title != nullptr && RightsOf(call).Of(*title).seen();
}

PortalAnswer VodActions::SaveItem(const PortalCall& call, ViewerItem item) {
  return SavedAnswer(parts_.viewers.Save(ViewerOf(*call.device), {std::move(item)},
                                         ViewerData::Path::kDatabaseFirst, ViewerDeadline()));
}

PortalAnswer VodActions::SaveFavourite(const PortalCall& call, bool favourite) {
  const std::int64_t id = call.form.Int("video_id", 0);
  if (favourite && !CanSee(call, id)) return PortalAnswer::False();
  ViewerItem item{.kind = ViewerItem::Kind::kFavouriteFilm, .key = std::to_string(id), .text = {}};
  if (favourite) item.text = "";
  return SaveItem(call, std::move(item));
}

PortalAnswer VodActions::SaveResumePoint(const PortalCall& call, bool ended) {
  const std::int64_t id = call.form.Int("video_id", 0);
  if (!CanSee(call, id)) return PortalAnswer::False();
  const std::int64_t position = call.form.Int("end_time", 0);
  const ResumePoint point{
      .position_seconds = std::clamp<std::int64_t>(position, 0, kLongestPosition),
      .episode = static_cast<int>(std::clamp<std::int64_t>(call.form.Int("series", 0), 0, 100'000)),
      .file_id = std::to_string(std::max<std::int64_t>(call.form.Int("file_id", 0), 0)),
      .ended = ended};
  return SaveItem(
      call,
      {.kind = ViewerItem::Kind::kResumePoint, .key = std::to_string(id), .text = TextOf(point)});
}

PortalAnswer VodActions::SetPlayed(const PortalCall& call) {
  const std::int64_t id = call.form.Int("video_id", 0);
  if (!CanSee(call, id)) return PortalAnswer::False();
  const HistoryEntry entry{.what = HistoryEntry::What::kFilm,
                           .content_id = std::to_string(id),
                           .started_at = EpochSeconds(call.now)};
  return SavedAnswer(parts_.viewers.Save(ViewerOf(*call.device),
                                         {{.kind = ViewerItem::Kind::kHistory,
                                           .key = std::to_string(parts_.viewers.NewHistoryId()),
                                           .text = TextOf(entry)}},
                                         ViewerData::Path::kDiskFirst, ViewerDeadline()));
}

}  // namespace holdfast::middleware
