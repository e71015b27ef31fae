#include "services/middleware/portal_epg.h"

#include <algorithm>
#include <utility>

#include "services/middleware/channel_rows.h"
#include "services/middleware/domain/catch_up.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/guide_marks.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_itv.h"

namespace holdfast::middleware {
namespace {

constexpr int kRowsPerPage = 10;
constexpr int kCalendarDays = 14;

struct TablePage {
  std::size_t first = 0;
  std::size_t last = 0;
  int selected = 0;
  int page = 0;
};

// `p` counts from 1; otherwise the page of what is on now, or the first.
TablePage ChoosePage(std::int64_t p, std::span<const Programme> programmes, std::int64_t now) {
  TablePage page;
  std::size_t index = 0;
  if (p <= 0) {
    const auto on_air = std::find_if(programmes.begin(), programmes.end(),
                                     [&](const Programme& x) { return x.on_air_at(now); });
    if (on_air != programmes.end()) {
      const auto position = static_cast<std::size_t>(on_air - programmes.begin());
      index = position / kRowsPerPage;
      page.selected = static_cast<int>(position % kRowsPerPage) + 1;
    }
    page.page = static_cast<int>(index) + 1;
  } else {
    index = static_cast<std::size_t>(std::min<std::int64_t>(p - 1, 1'000'000));
  }
  page.first = std::min(index * kRowsPerPage, programmes.size());
  page.last = std::min(page.first + kRowsPerPage, programmes.size());
  return page;
}

}  // namespace

void EpgActions::AddTo(ActionTable& table) {
  table.Add("epg", "get_week", Access::kSubscriber, Bind(*this, &EpgActions::GetWeek));
  table.Add("epg", "get_simple_data_table", Access::kSubscriber,
            Bind(*this, &EpgActions::GetSimpleDataTable));
  table.Add("epg", "get_data_table", Access::kSubscriber, Bind(*this, &EpgActions::GetDataTable));
  table.Add("epg", "get_all_program_for_ch", Access::kSubscriber,
            Bind(*this, &EpgActions::GetAllProgrammes));
}

PortalAnswer EpgActions::Dated(PortalAnswer answer) const {
  if (const auto age = StaleSince(models_.lineup_replica())) {
    answer.degradations.push_back({Neighbour::kPostgres, age});
  }
  if (const auto age = StaleSince(models_.guide_replica())) {
    answer.degradations.push_back({Neighbour::kEpg, age});
  }
  return answer;
}

PortalAnswer EpgActions::GetWeek(PortalCall& call) {
  const TimeZone zone = zones_.Find(call.time_zone).zone;
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const CalendarDay& day : DaysAround(call.now, zone, history_days_, kCalendarDays - 1)) {
    json.BeginObject().Field("f_human", day.spoken).Field("f_mysql", day.date);
    json.Field("today", day.today ? 1 : 0).EndObject();
  }
  json.EndArray();
  return PortalAnswer::Js(std::move(js));
}

PortalAnswer EpgActions::GetSimpleDataTable(PortalCall& call) {
  const TimeZone zone = zones_.Find(call.time_zone).zone;
  const std::int64_t now = EpochSeconds(call.now);
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  const Channel* channel = FindVisible(*lineup, call, call.Get("ch_id"));
  const ChannelSchedule* schedule =
      channel == nullptr ? nullptr : guide->ScheduleOf(channel->guide_id);
  std::optional<TimeWindow> day = LocalDay(call.Get("date"), zone);
  if (!day) day = LocalDay(DaysAround(call.now, zone, 0, 0).front().date, zone);

  std::span<const Programme> programmes;
  if (schedule != nullptr && day) programmes = schedule->Between(day->from, day->to);
  const TablePage page = ChoosePage(call.form.Int("p", 0), programmes, now);
  const std::optional<GuideMarks> marks = MarksFor(viewers_, call);
  std::string js;
  OpenPage(js, programmes.size(), kRowsPerPage, page.selected, page.page);
  for (std::size_t i = page.first; i < page.last; ++i) {
    if (i > page.first) js += ',';
    JsonWriter json(js);
    json.BeginObject();
    AppendRowFields(json, *channel, programmes[i], zone, now, nullptr, marks ? &*marks : nullptr);
    json.Field("open", programmes[i].stop > now ? 1 : 0).EndObject();
  }
  js += "]}";
  return Dated(PortalAnswer::Js(std::move(js)));
}

PortalAnswer EpgActions::GetAllProgrammes(PortalCall& call) {
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  const Channel* channel = FindVisible(*lineup, call, call.Get("ch_id"));
  const ChannelSchedule* schedule =
      channel == nullptr ? nullptr : guide->ScheduleOf(channel->guide_id);
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  if (schedule != nullptr) {
    const std::int64_t now = EpochSeconds(call.now);
    for (const Programme& p : schedule->Between(ArchiveBegins(*channel, now), now + 1)) {
      json.BeginObject().Key("start_timestamp").String(p.start);
      json.Key("stop_timestamp").String(p.stop).Field("name", p.title).EndObject();
    }
  }
  json.EndArray();
  return Dated(PortalAnswer::Js(std::move(js)));
}

}  // namespace holdfast::middleware
