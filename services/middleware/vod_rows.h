// Rows of films, seasons, episodes and files as boxes read them (portal protocol, section 12.1).
#pragma once

#include <optional>
#include <string>

#include "libs/base/time_zone.h"
#include "services/middleware/domain/rental.h"
#include "services/middleware/domain/viewer_records.h"
#include "services/middleware/domain/vod.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {

// What a row says beyond the title itself.
struct VodRowVariant {
  bool favourite = false;
  std::optional<ResumePoint> resume;
  std::string_view added;  // "today", "yesterday", "week_and_more"; "" when it does not matter
  FilmRight right{.access = FilmAccess::kOpen};
  std::int64_t now = 0;            // epoch seconds; matters to a film that is rented, as does
  const TimeZone* zone = nullptr;  // the box's; null: UTC
};

// {"rent_end_date":"2026-01-04 10:00:00","expires_in":"1 d 23 h"}, until when a film is rented.
void AppendRentInfo(JsonWriter& json, std::int64_t until, std::int64_t now, const TimeZone& zone);
// Hours, as the protocol counts how long a rental lasts; begun ones count.
std::int64_t RentHours(std::int64_t seconds);
// "3.00"
std::string CostOf(const Money& price);

// A film, or a series as one row. `category` may be null.
void AppendTitleRow(JsonWriter& json, const VodTitle& title, const VodCategory* category,
                    const VodRowVariant& variant);
void AppendSeasonRow(JsonWriter& json, const VodTitle& title, const VodSeason& season);
void AppendEpisodeRow(JsonWriter& json, const VodTitle& title, const VodSeason& season,
                      const VodEpisode& episode);
void AppendFileRow(JsonWriter& json, const VodTitle& title, const VodFile& file);

// What a box hands back to play it: "/media/5.mpg", "/media/season_5_1.mpg", "/media/file_7.mpg".
std::string MediaOf(const VodTitle& title);
std::string MediaOf(const VodTitle& title, const VodSeason& season);
std::string MediaOf(const VodTitle& title, const VodSeason& season, const VodEpisode& episode);
std::string MediaOf(const VodFile& file);

// The films that such a handle means; the episode counts where the handle names none.
struct MediaChoice {
  const VodTitle* title = nullptr;
  const std::vector<VodFile>* files = nullptr;  // at least one
  const VodFile* file = nullptr;                // the chosen one
};
std::optional<MediaChoice> FindMedia(const Catalogue& catalogue, std::string_view handle,
                                     int episode);

}  // namespace holdfast::middleware
