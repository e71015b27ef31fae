// Lists of channels. They never fail: a box whose list failed once at start shows nothing until it
// is switched off and on. When no worker is free the I/O thread copies together what is there.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/portal_itv.h"

namespace holdfast::middleware {
namespace {

constexpr std::string_view kNoRows =
    R"({"total_items":0,"max_page_items":14,"selected_item":0,"cur_page":0,"data":[]})";
constexpr std::int64_t kFurthestPage = 1'000'000;

BodyForm FormFor(const PortalCall& call) {
  return call.accepts_gzip ? BodyForm::kGzip : BodyForm::kPlain;
}

// What a box asks get_ordered_list for.
struct ListRequest {
  std::optional<GenreId> genre;  // nothing: all
  bool favourites_only = false;
  bool hd_only = false;
  bool recordable_only = false;
  std::string_view order;
  std::int64_t page = 0;  // 0: the one that holds `from`
  ChannelId from{0};

  // The same for all boxes that differ in their marks only.
  bool is_shared() const { return !favourites_only && order != "fav"; }
};

ListRequest RequestOf(const PortalCall& call) {
  ListRequest request;
  request.favourites_only = call.Get("fav") == "1";
  // `quality` (low, medium, high) chooses nothing out: every channel is one stream that adapts.
  request.hd_only = call.form.Int("hd", 0) != 0;
  // "dvb" is no genre of ours: nobody is in genre 0. "pvr" are the channels that can be recorded.
  const std::string_view genre = call.Get("genre");
  request.recordable_only = genre == "pvr";
  if (!genre.empty() && genre != "*" && genre != "pvr")
    request.genre = GenreId(ParseChannelId(genre).value());
  for (const char* order : {"name", "fav", "top"}) {
    if (call.Get("sortby") == order) request.order = order;
  }
  request.page = std::clamp<std::int64_t>(call.form.Int("p", 0), 0, kFurthestPage);
  const ChannelId from = ParseChannelId(call.Get("from_ch_id"));
  request.from = from.value() > 0 ? from : call.device->last_channel;
  return request;
}

// Which rows of a list one page shows.
struct PageOfList {
  std::size_t first = 0;
  std::size_t last = 0;  // one beyond
  int selected = 0;      // 1-based within the page, 0: nothing to select
  int page = 0;          // 1-based, 0: the box knows it
};

PageOfList ChoosePage(const ListRequest& request, const std::vector<const Channel*>& channels) {
  PageOfList page;
  std::size_t index = 0;
  if (request.page == 0) {
    const auto it = std::find_if(channels.begin(), channels.end(),
                                 [&](const Channel* c) { return c->id == request.from; });
    const auto position =
        it == channels.end() ? 0 : static_cast<std::size_t>(it - channels.begin());
    index = position / kPageSize;
    page.page = static_cast<int>(index) + 1;
    page.selected = static_cast<int>(position % kPageSize) + 1;
  } else {
    index = static_cast<std::size_t>(request.page - 1);
  }
  page.first = std::min(index * kPageSize, channels.size());
  page.last = std::min(page.first + kPageSize, channels.size());
  return page;
}

bool HasGenre(const Lineup& lineup, GenreId genre) {
  return std::ranges::any_of(lineup.genres(), [&](const Genre& g) { return g.id == genre; });
}

// The viewer's own marks on channels.
struct ChannelMarks {
  explicit ChannelMarks(const PortalCall& call)
      : favourites(call.device->favourites.begin(), call.device->favourites.end()),
        censored(CensoredChannels(call.device->settings)) {}

  bool is_favourite(ChannelId id) const { return favourites.contains(id); }
  bool is_censored(ChannelId id) const {
    return std::binary_search(censored.begin(), censored.end(), id);
  }
  // "" if the page has none of them.
  std::string KeyFor(const ListPage& page) const {
    if (favourites.empty() && censored.empty()) return "";
    return MarksKey("|f", page, [&](std::int64_t id) { return is_favourite(ChannelId(id)); }) +
           MarksKey("|c", page, [&](std::int64_t id) { return is_censored(ChannelId(id)); });
  }

  absl::flat_hash_set<ChannelId> favourites;
  std::vector<ChannelId> censored;  // sorted
};

}  // namespace

PortalAnswer ItvActions::Send(http::SharedBody body, const PortalCall& call) const {
  PortalAnswer answer;
  answer.form = PortalAnswer::Form::kWhole;
  answer.gzipped = call.accepts_gzip;
  answer.body = std::move(body);
  return std::move(answer).With(LineupAge());
}

PortalOutcome ItvActions::GetAllChannels(PortalCall& call) {
  using Method = http::SharedBody (Lists::*)(const ListView&, BodyForm);
  const auto ask = [this](const PortalCall& c, Method method) {
    const std::vector<ChannelId> censored = CensoredChannels(c.device->settings);
    return (parts_.lists.*method)(
        {c.knowledge.entitlement->packages, c.device->favourites, censored}, FormFor(c));
  };
  if (auto body = ask(call, &Lists::ReadyAllChannels)) return Send(std::move(body), call);
  return Later{[this, ask](PortalCall& c) { return Send(ask(c, &Lists::MakeAllChannels), c); },
               [this, ask](PortalCall& c) { return Send(ask(c, &Lists::AllChannelsInHurry), c); }};
}

PortalOutcome ItvActions::GetGenres(PortalCall& call) {
  const auto send = [this](const std::shared_ptr<const Body>& body, const PortalCall& c) {
    return Send(c.accepts_gzip ? body->gzip : body->plain, c);
  };
  if (const auto body = parts_.lists.ReadyGenres(call.knowledge.entitlement->packages)) {
    return send(body, call);
  }
  return Later{
      [this, send](PortalCall& c) {
        return send(parts_.lists.MakeGenres(c.knowledge.entitlement->packages), c);
      },
      [this](PortalCall& c) {
        return PortalAnswer::Js(parts_.lists.GenresInHurry(c.knowledge.entitlement->packages))
            .With(LineupAge());
      }};
}

std::string ItvActions::PageKey(const PortalCall& call, const Lineup& lineup) const {
  const ListRequest request = RequestOf(call);
  const std::uint64_t popularity =
      request.order == "top" ? parts_.models.popularity_replica().revision() : 0;
  return absl::StrCat("itv|", lineup.revision(), "|", parts_.models.guide()->revision, "|",
                      EpochSeconds(call.now) / 60, "|", parts_.zones.Find(call.time_zone).name, "|",
                      request.genre ? request.genre->value() : -1, request.hd_only ? "h" : "",
                      request.recordable_only ? "r|" : "|", std::string(request.order), popularity,
                      "|", request.page, "|", call.knowledge.entitlement->packages.key());
}

PortalAnswer ItvActions::MarkPage(PortalAnswer answer, const PortalCall& call) const {
  return std::move(answer)
      .With(LineupAge())
      .With(GuideAge())
      .With(call.Get("sortby") == "top" ? PopularityAge() : std::nullopt);
}

// Boxes that ask in one minute share a page, which tells what is on.
PortalOutcome ItvActions::GetOrderedList(PortalCall& call) {
  const ListRequest request = RequestOf(call);
  const auto lineup = parts_.models.lineup();
  const bool is_empty = request.favourites_only
                            ? call.device->favourites.empty()
                            : request.genre && !HasGenre(*lineup, *request.genre);
  if (is_empty && request.page > 0) {
    return MarkPage(PortalAnswer::Js(std::string(kNoRows)), call);
  }
  if (request.is_shared() && request.page > 0) {
    const std::string key = PageKey(call, *lineup);
    auto page = parts_.lists.pages().Find(key);
    const std::string marks = page == nullptr ? "" : ChannelMarks(call).KeyFor(*page);
    if (!marks.empty()) page = parts_.lists.pages().Find(key + marks);
    if (page != nullptr) return MarkPage(SendPage(*page, call), call);
  }
  return Later{[this](PortalCall& c) { return OrderedList(c); },
               [this](PortalCall& c) {
                 return MarkPage(
                     PortalAnswer::Js(RenderPage(c, *parts_.lists.RowsInHurry(), Marks::kShown).js),
                     c);
               }};
}

PortalAnswer ItvActions::OrderedList(const PortalCall& call) {
  const auto rows = parts_.lists.MakeRows();
  const ListRequest request = RequestOf(call);
  RenderedPage own;
  if (!request.is_shared() || request.page == 0) {
    own = RenderPage(call, *rows, Marks::kShown);
    return MarkPage(SendOwn(std::move(own.js), call), call);
  }
  const std::string key = PageKey(call, *rows->lineup());
  PageCache& pages = parts_.lists.pages();
  auto page = pages.Find(key);
  if (page == nullptr) {
    own = RenderPage(call, *rows, Marks::kHidden);
    if (own.shown.empty() && request.page > 1) {  // anybody can make up numbers
      return MarkPage(PortalAnswer::Js(std::move(own.js)), call);
    }
    page = pages.GetOrMake(key, [&] { return MakePage(own.js, std::move(own.shown)); });
  }
  if (const std::string marks = ChannelMarks(call).KeyFor(*page); !marks.empty()) {
    page = pages.GetOrMake(key + marks, [&] {
      RenderedPage marked = RenderPage(call, *rows, Marks::kShown);
      return MakePage(marked.js, std::move(marked.shown));
    });
  }
  return MarkPage(SendPage(*page, call), call);
}

PortalOutcome ItvActions::GetAllFavourites(PortalCall& call) {
  if (call.device->favourites.empty()) {
    return PortalAnswer::Js(std::string(kNoRows)).With(LineupAge());
  }
  const auto render = [](const PortalCall& c, const ChannelRows& rows) {
    const auto channels =
        FavouriteChannels(*rows.lineup(), c.knowledge.entitlement->packages, c.device->favourites);
    const ChannelMarks marks(c);
    std::string js;
    OpenPage(js, channels.size(), kPageSize, 0, 0);
    for (std::size_t i = 0; i < channels.size(); ++i) {
      if (i > 0) js += ',';
      rows.Append(js, *channels[i],
                  {.number = static_cast<int>(i) + 1,
                   .favourite = true,
                   .censored = marks.is_censored(channels[i]->id)});
    }
    return js + "]}";
  };
  return Later{[this, render](PortalCall& c) {
                 return SendOwn(render(c, *parts_.lists.MakeRows()), c).With(LineupAge());
               },
               [this, render](PortalCall& c) {
                 return PortalAnswer::Js(render(c, *parts_.lists.RowsInHurry())).With(LineupAge());
               }};
}

std::vector<const Channel*> ItvActions::Choose(const PortalCall& call, const Lineup& lineup) const {
  const ListRequest request = RequestOf(call);
  const PackageSet& packages = call.knowledge.entitlement->packages;
  std::vector<const Channel*> channels;
  if (request.favourites_only) {
    channels = FavouriteChannels(lineup, packages, call.device->favourites);
  } else if (!request.genre) {
    channels = ChannelsFor(lineup, packages, ListKind::kMain);
  } else {
    channels = ChannelsFor(lineup, packages,
                           *request.genre == kAdultGenre ? ListKind::kAdult : ListKind::kMain);
    std::erase_if(channels, [&](const Channel* c) { return !c->in_genre(*request.genre); });
  }
  if (request.hd_only) std::erase_if(channels, [](const Channel* c) { return !c->hd; });
  if (request.recordable_only) {
    std::erase_if(channels, [](const Channel* c) { return c->catch_up_hours <= 0; });
  }
  if (request.order == "name") {
    std::stable_sort(channels.begin(), channels.end(),
                     [](const Channel* a, const Channel* b) { return a->name < b->name; });
  } else if (request.order == "fav" && !request.favourites_only) {
    // The viewer's channels in the viewer's order, then the others.
    const auto& chosen = call.device->favourites;
    const auto place = [&](const Channel* c) {
      return std::find(chosen.begin(), chosen.end(), c->id) - chosen.begin();
    };
    std::stable_sort(channels.begin(), channels.end(),
                     [&](const Channel* a, const Channel* b) { return place(a) < place(b); });
  } else if (request.order == "top") {
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

ItvActions::RenderedPage ItvActions::RenderPage(const PortalCall& call, const ChannelRows& rows,
                                                Marks marks) const {
  const std::vector<const Channel*> channels = Choose(call, *rows.lineup());
  const ListRequest request = RequestOf(call);
  const PageOfList page = ChoosePage(request, channels);
  const auto guide = parts_.models.guide();
  const TimeZone zone = parts_.zones.Find(call.time_zone).zone;
  const ChannelMarks of_viewer(call);
  const bool shown = marks == Marks::kShown;
  RenderedPage rendered;
  rendered.js.reserve((page.last - page.first) * 1600 + 100);
  OpenPage(rendered.js, channels.size(), kPageSize, page.selected, page.page);
  for (std::size_t i = page.first; i < page.last; ++i) {
    const Channel& channel = *channels[i];
    if (i > page.first) rendered.js += ',';
    const std::string playing = Playing(channel, *guide, call, zone);
    rows.Append(rendered.js, channel,
                {.number = request.favourites_only ? static_cast<int>(i) + 1 : channel.number,
                 .favourite = shown && of_viewer.is_favourite(channel.id),
                 .censored = shown && of_viewer.is_censored(channel.id),
                 .playing = playing});
    rendered.shown.push_back(channel.id.value());
  }
  rendered.js += "]}";
  return rendered;
}

std::string ItvActions::Playing(const Channel& channel, const Guide& guide, const PortalCall& call,
                                const TimeZone& zone) const {
  const ChannelSchedule* schedule = guide.ScheduleOf(channel.guide_id);
  const std::int64_t minute = EpochSeconds(call.now) / 60 * 60;
  const Programme* programme = schedule == nullptr ? nullptr : schedule->At(minute);
  if (programme == nullptr) return "";
  std::string playing = LocalTime(programme->start, zone).Time();
  playing += ' ';
  playing += programme->title;
  return playing;
}

}  // namespace holdfast::middleware
