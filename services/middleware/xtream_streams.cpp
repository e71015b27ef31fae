#include "services/middleware/xtream_streams.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/domain/xtream_address.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/xtream_films.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kReloadWithin = 30s;
constexpr std::size_t kMaxPlays = 200'000;
// What play tokens say of a viewer that is no box.
constexpr std::string_view kAppDevice = "app";

http::Response NothingToPlay() { return http::Response::Text(404, "Not found\n"); }

http::Response NoEdge() {
  http::Response response = http::Response::Text(503, "Try again\n");
  response.headers.emplace_back("Retry-After", "2");
  return response;
}

}  // namespace

bool RecentPlays::IsNew(const AccountId& account, ChannelId channel) {
  const std::string key = absl::StrCat(channel.value(), "|", account.value());
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  if (seen_.size() >= kMaxPlays) seen_.clear();
  const auto [it, fresh] = seen_.try_emplace(key, now);
  const bool is_new = fresh || now - it->second > kReloadWithin;
  it->second = now;
  return is_new;
}

XtreamStreams::XtreamStreams(const AdultRule& adult, const Parts& parts)
    : adult_(adult), parts_(parts), recent_(parts.clock) {
  live_ = {"live", [this](AppCall& call) { return Live(call); }, RefusePlainly};
  catch_up_path_ = {
      "timeshift",
      [this](AppCall& call) {
        return CatchUp(call,
                       {.file = call.parts[4], .start = call.parts[3], .minutes = call.parts[2]});
      },
      RefusePlainly};
  catch_up_form_ = {"timeshift",
                    [this](AppCall& call) {
                      return CatchUp(call, {.file = call.Get("stream"),
                                            .start = call.Get("start"),
                                            .minutes = call.Get("duration")});
                    },
                    RefusePlainly};
  film_ = {"movie", [this](AppCall& call) { return Film(call, FilmKind::kFilms); }, RefusePlainly};
  series_ = {"series", [this](AppCall& call) { return Film(call, FilmKind::kSeries); },
             RefusePlainly};
}

void XtreamStreams::AddRoutes(http::Router& router) {
  const auto by_path = [this](const AppRoute& route) {
    return [this, &route](const http::Request& request, http::Reply reply) {
      RunWithPath(request, route, std::move(reply));
    };
  };
  router.Get("/live/{login}/{password}/{file}", by_path(live_));
  router.Get("/{login}/{password}/{file}", by_path(live_));
  router.Get("/timeshift/{login}/{password}/{minutes}/{start}/{file}", by_path(catch_up_path_));
  for (const char* path : {"/streaming/timeshift.php", "/timeshift.php"}) {
    router.Any(path, [this](const http::Request& request, http::Reply reply) {
      parts_.gate.Run(parts_.gate.Parse(request), catch_up_form_, std::move(reply));
    });
  }
  router.Get("/movie/{login}/{password}/{file}", by_path(film_));
  router.Get("/series/{login}/{password}/{file}", by_path(series_));
}

void XtreamStreams::RunWithPath(const http::Request& request, const AppRoute& route,
                                http::Reply reply) {
  AppCall call = parts_.gate.Parse(request);
  // An address of three parts may be anything: not worth a look at a login.
  if (&route == &live_ && !ParseStreamFile(call.parts[2])) return reply.Send(NothingToPlay());
  call.credentials = {call.parts[0], call.parts[1]};
  parts_.gate.Run(std::move(call), route, std::move(reply));
}

std::optional<http::Response> XtreamStreams::Live(AppCall& call) {
  const std::optional<StreamFile> file = ParseStreamFile(call.parts[2]);
  const auto lineup = parts_.models.lineup();
  const Channel* channel = file ? lineup->FindChannel(file->id) : nullptr;
  if (channel == nullptr) {
    parts_.metrics.zaps.unknown_channel.Add();
    return NothingToPlay();
  }
  const Entitlement& entitlement = *call.knowledge.entitlement;
  if (FindForApp(*lineup, entitlement, channel->id, adult_.InPlayers(call.login->account)) ==
          nullptr ||
      MayWatch(entitlement, *channel, call.now) != Verdict::kAllowed) {
    parts_.metrics.zaps.denied.Add();
    return RefusePlainly(call, AppRefusal::kWrong);
  }
  const auto link =
      parts_.links.Live(*channel, {call.login->account.value(), std::string(kAppDevice)}, call.now);
  if (!link) {
    parts_.metrics.zaps.no_edge.Add();
    Report(call, *channel, {.kind = PlaybackReport::Kind::kError, .error = "no_edge"});
    return NoEdge();
  }
  if (auto refused = TooMany(call)) {
    parts_.metrics.zaps.limit.Add();
    return refused;
  }
  if (!call.head_only && recent_.IsNew(call.login->account, channel->id)) {
    parts_.metrics.zaps.ok.Add();
    Report(call, *channel,
           {.kind = PlaybackReport::Kind::kZap,
            .edge_id = link->edge_id,
            .device = absl::StrCat("app ", call.login->account.value()),
            .link_expires = ExpiryOfLink(link->address)});
  }
  return Redirect(call, *link, live_.name);
}

std::optional<http::Response> XtreamStreams::CatchUp(AppCall& call, const Wish& wish) {
  const std::optional<StreamFile> file = ParseStreamFile(wish.file);
  const std::optional<std::int64_t> start = ParseCatchUpStart(wish.start);
  const std::optional<std::int64_t> minutes = ParseCatchUpMinutes(wish.minutes);
  const auto lineup = parts_.models.lineup();
  const Channel* channel = file && start && minutes ? lineup->FindChannel(file->id) : nullptr;
  if (channel == nullptr) {
    parts_.metrics.catch_up_links.unknown.Add();
    return NothingToPlay();
  }
  const Entitlement& entitlement = *call.knowledge.entitlement;
  if (FindForApp(*lineup, entitlement, channel->id, adult_.InPlayers(call.login->account)) ==
          nullptr ||
      MayWatch(entitlement, *channel, call.now) != Verdict::kAllowed) {
    parts_.metrics.catch_up_links.denied.Add();
    return RefusePlainly(call, AppRefusal::kWrong);
  }
  const AirTime air_time{.start = *start, .stop = *start + *minutes * 60};
  if (DecideCatchUp(*channel, air_time, EpochSeconds(call.now)) != CatchUpVerdict::kAllowed) {
    parts_.metrics.catch_up_links.not_kept.Add();
    return NothingToPlay();
  }
  const auto link =
      parts_.links.CatchUp(*channel, air_time, RealId(channel->id, *start),
                           {call.login->account.value(), std::string(kAppDevice)}, call.now);
  if (!link) {
    parts_.metrics.catch_up_links.no_edge.Add();
    return NoEdge();
  }
  if (auto refused = TooMany(call)) {
    parts_.metrics.catch_up_links.limit.Add();
    return refused;
  }
  if (!call.head_only) parts_.metrics.catch_up_links.ok.Add();
  return Redirect(call, *link, catch_up_path_.name);
}

std::optional<http::Response> XtreamStreams::Film(AppCall& call, FilmKind kind) {
  const std::string_view file_name = call.parts[2];
  const std::int64_t id = ParseChannelId(file_name.substr(0, file_name.find('.'))).value();
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title = nullptr;
  const VodFile* file = nullptr;
  if (kind == FilmKind::kSeries) {
    const auto found = catalogue->FindFile(id);
    title = found ? found->title : nullptr;
    file = found ? found->file : nullptr;
  } else {
    title = catalogue->FindTitle(id);
    file = title != nullptr && !title->files.empty() ? &title->files.front() : nullptr;
  }
  if (file == nullptr) {
    parts_.metrics.film_links.With({"nothing_to_play"}).Add();
    return NothingToPlay();
  }
  const Entitlement& entitlement = *call.knowledge.entitlement;
  const FilmRights rights = RightsOf(call, parts_.models);
  if (FindTitleForApp(*catalogue, rights, adult_.InPlayers(call.login->account), kind, title->id) ==
          nullptr ||
      MayPlay(entitlement, rights.Of(*title), call.now) != Verdict::kAllowed) {
    parts_.metrics.film_links.With({"access_denied"}).Add();
    return RefusePlainly(call, AppRefusal::kWrong);
  }
  const auto link = file->address.empty() ? parts_.links.File(file->directory, file->file, call.now)
                                          : std::optional(StreamLink{file->address, ""});
  if (!link) {
    parts_.metrics.film_links.With({"link_fault"}).Add();
    return NoEdge();
  }
  if (auto refused = TooMany(call)) {
    parts_.metrics.film_links.With({"limit"}).Add();
    return refused;
  }
  if (!call.head_only) parts_.metrics.film_links.With({"ok"}).Add();
  return Redirect(call, *link, film_.name);
}

void XtreamStreams::Report(const AppCall& call, const Channel& channel, PlaybackReport report) {
  report.stream = channel.stream();
  report.model = call.client;
  report.account = call.login->account.value();
  report.at_ms = EpochMillis(call.now);
  parts_.reporter.Report(std::move(report));
}

std::optional<http::Response> XtreamStreams::TooMany(const AppCall& call) const {
  const AccountId& account = call.login->account;
  const Entitlement& entitlement = *call.knowledge.entitlement;
  StreamSlots& slots = parts_.streams.slots();
  const std::string player = NameOfPlayer(call.client_address, call.client);
  const bool may = call.head_only
                       ? slots.WouldTake(account, player, entitlement.max_streams)
                       : slots.Take(account, {.device = player,
                                              .limit = entitlement.max_streams,
                                              .content = StringHash()(call.request->target()) | 1,
                                              .reloads = true});
  if (may) return std::nullopt;
  http::Response response =
      http::Response::Text(403, parts_.streams.Words(account, entitlement) + "\n");
  response.headers.emplace_back("Cache-Control", "no-store");
  if (const auto alone = parts_.streams.Alone(entitlement)) {
    MarkDegraded(response, {*alone}, live_.name, parts_.metrics);
  }
  return response;
}

http::Response XtreamStreams::Redirect(const AppCall& call, const StreamLink& link,
                                       std::string_view name) const {
  http::Response response;
  response.status = 302;
  response.content_type = "text/plain; charset=utf-8";
  response.headers = {{"Location", link.address}, {"Cache-Control", "no-store"}};
  if (const auto age = parts_.links.EdgesStaleSince()) {
    MarkDegraded(response, {{Neighbour::kCdnRouting, age}}, name, parts_.metrics);
  }
  if (const auto alone = parts_.streams.Alone(*call.knowledge.entitlement)) {
    MarkDegraded(response, {*alone}, name, parts_.metrics);
  }
  return response;
}

}  // namespace holdfast::middleware
