// A set-top box for tests: speaks the Stalker portal like a MAG and opens streams like a player.
//
//   Box box(platform.Endpoint("PORTAL_URL"), platform.Endpoint("DEMO_MAC"));
//   ASSERT_THAT(box.LogIn(), IsOk());
//   EXPECT_THAT(box.Zap(box.channels().front()), IsOk());
//
// Blocks; one thread at a time. Any answer that a box could not use is an error.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast::test {

struct BoxChannel {
  std::string id;
  std::string number;
  std::string name;
  std::string command;  // "cmd", to be given to create_link
};

// A playlist as far as tests look at it.
struct Playlist {
  std::vector<std::string> segments;  // absolute addresses
  std::vector<std::string> keys;      // absolute addresses, one per #EXT-X-KEY
};

class Box {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  Box(std::string portal_url, std::string mac);

  // Handshake (offering the token held) and get_profile.
  absl::Status LogIn();
  // Another address of the same portal; the token is kept.
  void GoTo(std::string portal_url);

  const std::string& token() const { return token_; }
  void set_token(std::string token) { token_ = std::move(token); }
  const std::string& degraded() const { return degraded_; }  // X-Degraded of the last answer

  // The whole body of an answer with HTTP 200 that is the protocol's JSON.
  absl::StatusOr<std::string> Call(const std::string& type, const std::string& action,
                                   const Parameters& parameters = {});

  absl::StatusOr<std::vector<BoxChannel>> ListChannels();
  absl::StatusOr<int> CountGroups();
  // Channels that have at least one programme in the next hours.
  absl::StatusOr<int> CountChannelsWithGuide();
  absl::Status Heartbeat();

  absl::StatusOr<std::string> CreateLink(const BoxChannel& channel);
  // create_link, then the playlist from the edge.
  absl::StatusOr<Playlist> Zap(const BoxChannel& channel);

 private:
  std::string portal_url_;
  std::string mac_;
  std::string token_;
  std::string degraded_;
};

absl::StatusOr<Playlist> FetchPlaylist(const std::string& url);

// Decodes the first frames of a stream with ffmpeg; the number of frames that came.
absl::StatusOr<int> DecodeFrames(const std::string& url, int frames);

}  // namespace holdfast::test
