#include "services/middleware/portal_itv.h"

#include <algorithm>
#include <utility>

#include "services/middleware/epg_rows.h"
#include "services/middleware/guide_marks.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kShortEpgSize = 5;
constexpr std::int64_t kLongestShortEpg = 100;
constexpr auto kFavouritesTimeout = 2s;

// Boxes ask for all sorts of hours; a few sizes are rendered and shared.
std::int64_t RoundPeriod(std::int64_t hours) {
  for (const std::int64_t size : {3, 5, 6, 12, 24, 48, 72, 96, 120}) {
    if (hours <= size) return size;
  }
  return 168;
}

// A guide of so many bytes costs no more than the lists that are sent in every overload.
constexpr std::size_t kCheapBlock = 64 << 10;

}  // namespace

const Channel* FindVisible(const Lineup& lineup, const PortalCall& call,
                           std::string_view channel_id) {
  const Channel* channel = lineup.FindChannel(ParseChannelId(channel_id));
  const bool visible =
      channel != nullptr && call.knowledge.entitlement->packages.Contains(channel->package);
  return visible ? channel : nullptr;
}

void ItvActions::AddTo(ActionTable& table) {
  const auto add = [&](std::string_view action, PortalAction function) {
    table.Add("itv", action, Access::kSubscriber, std::move(function));
  };
  add("create_link", Bind(*this, &ItvActions::CreateLink));
  add("get_all_channels", Bind(*this, &ItvActions::GetAllChannels));
  add("get_ordered_list", Bind(*this, &ItvActions::GetOrderedList));
  add("get_genres", Bind(*this, &ItvActions::GetGenres));
  add("get_all_fav_channels", Bind(*this, &ItvActions::GetAllFavourites));
  add("get_short_epg", Bind(*this, &ItvActions::GetShortEpg));
  add("get_epg_info", Bind(*this, &ItvActions::GetEpgInfo));
  add("get_fav_ids", Bind(*this, &ItvActions::GetFavouriteIds));
  add("set_fav", Bind(*this, &ItvActions::SetFavourites));
  add("set_last_id", Bind(*this, &ItvActions::SetLastChannel));
  add("set_claim", [this](PortalCall&) {
    parts_.metrics.claims.Add();
    return PortalAnswer::True();
  });
}

std::optional<Degradation> ItvActions::LineupAge() const {
  const auto age = StaleSince(parts_.models.lineup_replica());
  if (!age) return std::nullopt;
  return Degradation{Neighbour::kPostgres, age};
}

std::optional<Degradation> ItvActions::PopularityAge() const {
  const auto age = StaleSince(parts_.models.popularity_replica());
  if (!age) return std::nullopt;
  return Degradation{Neighbour::kAnalytics, age};
}

std::optional<Degradation> ItvActions::GuideAge() const {
  const auto age = StaleSince(parts_.models.guide_replica());
  if (!age) return std::nullopt;
  return Degradation{Neighbour::kEpg, age};
}

PortalAnswer ItvActions::GetShortEpg(PortalCall& call) {
  const auto lineup = parts_.models.lineup();
  const auto guide = parts_.models.guide();
  const Channel* channel = FindVisible(*lineup, call, call.Get("ch_id"));
  const ChannelSchedule* schedule =
      channel == nullptr ? nullptr : guide->ScheduleOf(channel->guide_id);
  if (schedule == nullptr) return PortalAnswer::EmptyArray().With(LineupAge()).With(GuideAge());

  const std::int64_t size =
      std::clamp<std::int64_t>(call.form.Int("size", kShortEpgSize), 1, kLongestShortEpg);
  const std::int64_t now = EpochSeconds(call.now);
  const TimeZone zone = parts_.zones.Find(call.time_zone).zone;
  const auto programmes = schedule->Between(now, now + std::chrono::seconds(24h * 30).count());
  const std::optional<GuideMarks> marks = MarksFor(parts_.viewers, call);
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const Programme& programme :
       programmes.first(std::min(programmes.size(), static_cast<std::size_t>(size)))) {
    json.BeginObject();
    AppendRowFields(json, *channel, programme, zone, now, nullptr, marks ? &*marks : nullptr);
    json.EndObject();
  }
  json.EndArray();
  return PortalAnswer::Js(std::move(js)).With(LineupAge()).With(GuideAge());
}

PortalOutcome ItvActions::GetEpgInfo(PortalCall& call) {
  const auto request_of = [this](const PortalCall& c) {
    NamedZone zone = parts_.zones.Find(c.time_zone);
    return BlockRequest{.packages = c.knowledge.entitlement->packages,
                        .period_hours = RoundPeriod(c.form.Int("period", 3)),
                        .zone_name = std::move(zone.name),
                        .zone = zone.zone,
                        .now = c.now};
  };
  const BlockRequest request = request_of(call);
  auto body = parts_.blocks.Ready(request);
  std::shared_ptr<const Body> last;
  if (body == nullptr) last = parts_.blocks.Last(request);
  if (!call.admitted) {
    if (body == nullptr) body = last;
    if (body != nullptr && call.accepts_gzip && body->gzip->size() <= kCheapBlock) {
      return SendBlock(std::move(body), call);
    }
    parts_.metrics.busy.Add();
    return PortalAnswer::TryAgain();
  }
  if (last != nullptr && !parts_.blocks.Claim(request)) body = last;  // the new one is being made
  if (body != nullptr && call.accepts_gzip) return SendBlock(std::move(body), call);
  return Later{
      [this, request_of](PortalCall& c) { return SendBlock(parts_.blocks.Make(request_of(c)), c); },
      [this, request_of, last](PortalCall& c) {
        parts_.blocks.GiveUp(request_of(c));
        if (last != nullptr && c.accepts_gzip) return SendBlock(last, c);
        return PortalAnswer::TryAgain();
      }};
}

PortalAnswer ItvActions::SendBlock(std::shared_ptr<const Body> body, const PortalCall& call) const {
  PortalAnswer answer;
  answer.form = PortalAnswer::Form::kWhole;
  answer.gzipped = call.accepts_gzip;
  answer.body = call.accepts_gzip ? body->gzip : parts_.blocks.Plain(*body);
  if (answer.body == nullptr) {
    parts_.metrics.busy.Add();
    return PortalAnswer::TryAgain();
  }
  return std::move(answer).With(LineupAge()).With(GuideAge());
}

PortalAnswer ItvActions::GetFavouriteIds(PortalCall& call) {
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const ChannelId id : call.device->favourites) json.String(id.value());
  json.EndArray();
  return PortalAnswer::Js(std::move(js));
}

PortalOutcome ItvActions::SetFavourites(PortalCall&) {
  return Later{[this](PortalCall& c) {
    const absl::Status saved = parts_.writes.SaveFavourites(
        *c.device, ParseFavourites(c.Get("fav_ch")), Deadline::After(kFavouritesTimeout));
    return saved.ok() ? PortalAnswer::True() : PortalAnswer::False();
  }};
}

PortalAnswer ItvActions::SetLastChannel(PortalCall& call) {
  const auto lineup = parts_.models.lineup();
  const Channel* channel = FindVisible(*lineup, call, call.Get("id"));
  if (channel != nullptr) parts_.writes.NoteLastChannel(*call.device, channel->id);
  return PortalAnswer::True();
}

}  // namespace holdfast::middleware
