// Knobs of what apps and players of playlists use.
#pragma once

#include <chrono>
#include <cstdint>

#include "libs/config/knobs.h"

namespace holdfast::middleware {

struct AppsConfig {
  std::chrono::milliseconds check_login_after = std::chrono::hours(6);
  std::chrono::milliseconds honour_login_for = std::chrono::hours(24 * 7);
  bool adult_channels = false;
  std::int64_t list_cache_mebibytes = 64;
  std::int64_t xmltv_cache_mebibytes = 128;

  void Describe(config::Knobs& k) {
    using namespace std::chrono_literals;
    k.Duration(
        "check_login_after", check_login_after, {.min = 1min, .max = 24h * 30},
        "A login that billing confirmed is checked again, behind the app's back, after that: "
        "so long may a changed password live on.");
    k.Duration("honour_login_for", honour_login_for, {.min = 1h, .max = 24h * 90},
               "How long a confirmed login lets an app in while billing cannot be asked.");
    k.Bool("adult_channels", adult_channels,
           "Show adult channels and films to apps: to those of REST v1, which have to send the PIN "
           "for "
           "a link, and in playlists and the Xtream API where the household allowed it "
           "(adult_in_players), because players there cannot ask for a PIN.");
    k.Int("list_cache_mebibytes", list_cache_mebibytes, {.min = 1, .max = 65536},
          "Memory for rendered lists of apps.");
    k.Int("xmltv_cache_mebibytes", xmltv_cache_mebibytes, {.min = 1, .max = 65536},
          "Memory for compressed XMLTV files.");
  }
};

}  // namespace holdfast::middleware
