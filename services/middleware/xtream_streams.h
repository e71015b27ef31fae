// Where apps of the Xtream family and playlists play: addresses with login and password in them,
// answered by a redirect to a signed link on an edge. Memory only: players come back here with
// every reload of a live playlist.
//
//   /live/<login>/<password>/<channel>[.m3u8|.ts]   and the same without /live
//   /timeshift/<login>/<password>/<minutes>/<start>/<channel>[.m3u8|.ts]
//   /streaming/timeshift.php?username=&password=&stream=&start=&duration=
//   /movie/<login>/<password>/<film>.<ending>   /series/<login>/<password>/<file>.<ending>
//
// Edges serve HLS: ".ts" leads to the same playlist.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "services/middleware/app_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/reporter.h"
#include "services/middleware/stream_gate.h"
#include "services/middleware/stream_links.h"
#include "services/middleware/xtream_api.h"

namespace holdfast::middleware {

// Tells the opening of a stream from its reloads. Thread-safe, bounded: when full, all begin anew.
class RecentPlays {
 public:
  explicit RecentPlays(const Clock& clock) : clock_(clock) {}

  // Whether the account did not open that channel within the last half minute.
  bool IsNew(const AccountId& account, ChannelId channel);

 private:
  const Clock& clock_;
  absl::Mutex mutex_;
  StringMap<SteadyTime> seen_ ABSL_GUARDED_BY(mutex_);
};

// Thread-safe. Everything it is given outlives it.
class XtreamStreams {
 public:
  struct Parts {
    AppGate& gate;
    ReadModels& models;
    const StreamLinks& links;
    StreamGate& streams;
    Reporter& reporter;
    Metrics& metrics;
    const Clock& clock;
  };

  XtreamStreams(const AdultRule& adult, const Parts& parts);

  void AddRoutes(http::Router& router);

 private:
  // What was asked, in one form for all addresses.
  struct Wish {
    std::string_view file;
    std::string_view start;    // "" for live
    std::string_view minutes;  // likewise
  };

  std::optional<http::Response> Live(AppCall& call);
  std::optional<http::Response> CatchUp(AppCall& call, const Wish& wish);
  std::optional<http::Response> Film(AppCall& call, FilmKind kind);
  void Report(const AppCall& call, const Channel& channel, PlaybackReport report);
  // The refusal, if as many devices of the account play as may. Otherwise this player is one of
  // them; a HEAD plays nothing.
  std::optional<http::Response> TooMany(const AppCall& call) const;
  http::Response Redirect(const AppCall& call, const StreamLink& link, std::string_view name) const;
  void RunWithPath(const http::Request& request, const AppRoute& route, http::Reply reply);

  const AdultRule adult_;
  const Parts parts_;
  RecentPlays recent_;
  AppRoute live_, catch_up_path_, catch_up_form_, film_, series_;
};

}  // namespace holdfast::middleware
