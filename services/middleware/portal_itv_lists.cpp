// Lists of channels. They never fail: a box whose list failed once at start shows nothing until it
// is switched off and on.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/portal_itv.h"

namespace holdfast::middleware {
namespace {

// A list that went out empty once stays empty on the box: when no worker is free, the I/O thread
// rather renders it, which takes milliseconds and waits for nobody.
Later Render(std::function<PortalAnswer(PortalCall&)> work) { return {work, work}; }

// Which rows of a list one page shows.
struct PageOfList {
  std::size_t first = 0;
  std::size_t last = 0;  // one beyond
  int selected = 0;      // 1-based within the page, 0: nothing to select
  int page = 0;          // 1-based, 0: the box knows it
};

// `p` counts from 1; 0, absent or noise asks for the page that holds the last watched channel.
PageOfList ChoosePage(std::int64_t p, const std::vector<const Channel*>& channels,
                      ChannelId last_channel) {
  PageOfList page;
  std::size_t index = 0;
  if (p <= 0) {
    const auto it = std::find_if(channels.begin(), channels.end(),
                                 [&](const Channel* c) { return c->id == last_channel; });
    const auto position =
        it == channels.end() ? 0 : static_cast<std::size_t>(it - channels.begin());
    index = position / kPageSize;
    page.page = static_cast<int>(index) + 1;
    page.selected = static_cast<int>(position % kPageSize) + 1;
  } else {
    index = static_cast<std::size_t>(std::min<std::int64_t>(p - 1, 1'000'000));
  }
  page.first = std::min(index * kPageSize, channels.size());
  page.last = std::min(page.first + kPageSize, channels.size());
  return page;
}

}  // namespace

PortalAnswer ItvActions::Send(std::shared_ptr<const Body> body, const PortalCall& call) const {
  PortalAnswer answer;
  answer.form = PortalAnswer::Form::kWhole;
  answer.gzipped = call.accepts_gzip;
  answer.body = call.accepts_gzip ? body->gzip : body->plain;
  return std::move(answer).With(LineupAge());
}

PortalOutcome ItvActions::GetAllChannels(PortalCall& call) {
  const std::vector<ChannelId> censored = CensoredChannels(call.device->settings);
  const ListView view{call.knowledge.entitlement->packages, call.device->favourites, censored};
  if (auto body = parts_.lists.ReadyAllChannels(view)) return Send(std::move(body), call);
  return Render([this](PortalCall& c) {
    const std::vector<ChannelId> hidden = CensoredChannels(c.device->settings);
    return Send(parts_.lists.MakeAllChannels(
                    {c.knowledge.entitlement->packages, c.device->favourites, hidden}),
                c);
  });
}

PortalOutcome ItvActions::GetGenres(PortalCall& call) {
  if (auto body = parts_.lists.ReadyGenres(call.knowledge.entitlement->packages)) {
    return Send(std::move(body), call);
  }
  return Render([this](PortalCall& c) {
    return Send(parts_.lists.MakeGenres(c.knowledge.entitlement->packages), c);
  });
}

PortalOutcome ItvActions::GetOrderedList(PortalCall& call) {
  const bool favourites_only = call.Get("fav") == "1";
  if (const auto rows = parts_.lists.ReadyRows()) return OrderedList(call, *rows, favourites_only);
  return Render([this, favourites_only](PortalCall& c) {
    return OrderedList(c, *parts_.lists.MakeRows(), favourites_only);
  });
}

PortalOutcome ItvActions::GetAllFavourites(PortalCall& call) {
  const auto answer = [this](PortalCall& c) -> PortalAnswer {
    const auto rows = parts_.lists.MakeRows();
    const auto channels =
        FavouriteChannels(*rows->lineup(), c.knowledge.entitlement->packages, c.device->favourites);
    const std::vector<ChannelId> censored = CensoredChannels(c.device->settings);
    std::string js;
    OpenPage(js, channels.size(), kPageSize, 0, 0);
    for (std::size_t i = 0; i < channels.size(); ++i) {
      if (i > 0) js += ',';
      rows->Append(
          js, *channels[i],
          {.number = static_cast<int>(i) + 1,
           .favourite = true,
           .censored = std::binary_search(censored.begin(), censored.end(), channels[i]->id)});
    }
    return PortalAnswer::Js(js + "]}").With(LineupAge());
  };
  if (parts_.lists.ReadyRows() != nullptr) return answer(call);
  return Render(answer);
}

std::vector<const Channel*> ItvActions::Choose(const PortalCall& call, const Lineup& lineup,
                                               bool favourites_only) const {
  const PackageSet& packages = call.knowledge.entitlement->packages;
  const std::string_view genre = call.Get("genre");
  std::vector<const Channel*> channels;
  if (favourites_only) {
    channels = FavouriteChannels(lineup, packages, call.device->favourites);
  } else if (genre.empty() || genre == "*") {
    channels = ChannelsFor(lineup, packages, ListKind::kMain);
  } else {
    // A genre of its own; "dvb" and "pvr" are none and give an empty list.
    const GenreId wanted(ParseChannelId(genre).value());
    channels =
        ChannelsFor(lineup, packages, wanted == kAdultGenre ? ListKind::kAdult : ListKind::kMain);
    std::erase_if(channels, [&](const Channel* c) { return c->genre != wanted; });
  }
  const std::string_view order = call.Get("sortby");
  if (order == "name") {
    std::stable_sort(channels.begin(), channels.end(),
                     [](const Channel* a, const Channel* b) { return a->name < b->name; });
  } else if (order == "fav" && !favourites_only) {
    // The viewer's channels in the viewer's order, then the others.
    const auto& chosen = call.device->favourites;
    const auto place = [&](const Channel* c) {
      return std::find(chosen.begin(), chosen.end(), c->id) - chosen.begin();
    };
    std::stable_sort(channels.begin(), channels.end(),
                     [&](const Channel* a, const Channel* b) { return place(a) < place(b); });
  } else if (order == "top") {
    const auto popularity = parts_.models.popularity();
    const auto score = [&](const Channel* c) {
      const double* found = Find(*popularity, c->stream());
      return found == nullptr ? 0.0 : *found;
    };
    std::stable_sort(channels.begin(), channels.end(),
                     [&](const Channel* a, const Channel* b) { return score(a) > score(b); });
  }
  return channels;
}

PortalAnswer ItvActions::OrderedList(const PortalCall& call, const ChannelRows& rows,
                                     bool favourites_only) {
  const std::vector<const Channel*> channels = Choose(call, *rows.lineup(), favourites_only);
  const PageOfList page = ChoosePage(call.form.Int("p", 0), channels, call.device->last_channel);
  const auto guide = parts_.models.guide();
  const TimeZone zone = parts_.zones.Find(call.time_zone).zone;
  const absl::flat_hash_set<ChannelId> favourites(call.device->favourites.begin(),
                                                  call.device->favourites.end());
  const std::vector<ChannelId> censored = CensoredChannels(call.device->settings);
  std::string js;
  js.reserve((page.last - page.first) * 1600 + 100);
  OpenPage(js, channels.size(), kPageSize, page.selected, page.page);
  for (std::size_t i = page.first; i < page.last; ++i) {
    const Channel& channel = *channels[i];
    if (i > page.first) js += ',';
    const std::string playing = Playing(channel, *guide, call, zone);
    rows.Append(js, channel,
                {.number = favourites_only ? static_cast<int>(i) + 1 : channel.number,
                 .favourite = favourites.contains(channel.id),
                 .censored = std::binary_search(censored.begin(), censored.end(), channel.id),
                 .playing = playing});
  }
  js += "]}";
  return PortalAnswer::Js(std::move(js)).With(LineupAge()).With(GuideAge());
}

std::string ItvActions::Playing(const Channel& channel, const Guide& guide, const PortalCall& call,
                                const TimeZone& zone) const {
  const ChannelSchedule* schedule = guide.ScheduleOf(channel.guide_id);
  const Programme* programme = schedule == nullptr ? nullptr : schedule->At(EpochSeconds(call.now));
  if (programme == nullptr) return "";
  std::string playing = LocalTime(programme->start, zone).Time();
  playing += ' ';
  playing += programme->title;
  return playing;
}

}  // namespace holdfast::middleware
