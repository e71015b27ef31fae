// The public HTTP side: content keys for players and packagers.
//
//   GET  /key/{channel}/{period}        play token -> 16 bytes (HLS AES-128)
//   POST /clearkey                      play token, W3C EME 9.1 -> JSON (CENC by ClearKey)
//   GET  /packager/key/{channel}[?at=]  packager secret -> JSON
//
// The play token stands in header X-Play-Token, in Authorization: Bearer, or in the query as
// `token`. A key request is answered from memory on the I/O thread. Only while no epochs are loaded
// it is held for up to two seconds: players give up at the first error, but wait for an answer.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/worker_pool.h"
#include "libs/http/server.h"
#include "services/drm/domain/key_policy.h"
#include "services/drm/epoch_keeper.h"
#include "services/drm/metrics.h"
#include "services/drm/play_keys.h"

namespace holdfast::drm {

// Thread-safe. What it refers to, and itself, must outlive the server.
class KeyHttp {
 public:
  struct Options {
    Periods periods{std::chrono::minutes(10)};
    KeyPolicy policy;
    std::string packager_secret;  // empty: no packager
    std::chrono::milliseconds hold = std::chrono::seconds(2);
  };

  KeyHttp(const Options& options, const EpochKeeper& epochs, const PlayKeys& play_keys,
          const Clock& clock, WorkerPool& workers, Metrics& metrics);

  void AddTo(http::Router& router);

 private:
  struct Wanted {
    ChannelId channel;
    std::int64_t period = 0;
  };
  enum class Audience { kPlayer, kPackager };

  // Who asks, for what, and whether he may; no key yet.
  absl::StatusOr<Wanted> Check(const http::Request& request, Audience audience) const;
  absl::StatusOr<Wanted> CheckPlayer(const http::Request& request) const;
  absl::StatusOr<Wanted> CheckPackager(const http::Request& request) const;
  // The channel that the play token is for.
  absl::StatusOr<ChannelId> ChannelOfToken(const http::Request& request) const;

  void Handle(Audience audience, const http::Request& request, http::Reply reply);
  http::Response Answer(Audience audience, const http::Request& request,
                        const absl::StatusOr<Wanted>& wanted) const;
  http::Response AnswerClearKey(const http::Request& request) const;
  absl::Status Refuse(std::string_view reason, absl::Status status) const;

  const Options options_;
  const EpochKeeper& epochs_;
  const PlayKeys& play_keys_;
  const Clock& clock_;
  WorkerPool& workers_;
  Metrics& metrics_;
};

}  // namespace holdfast::drm
