// Films and series for apps of the Xtream family (portal protocol, section 17.3), from the
// catalogue in memory. An episode is known by the number of its first file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/app_call.h"
#include "services/middleware/domain/rental.h"
#include "services/middleware/domain/vod.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/xtream_api.h"

namespace holdfast::middleware {

// What an app is shown: players only what they can play, our own apps also what they could rent.
enum class Shelf { kPlayable, kForRentToo };

// What `call` may do with films.
FilmRights RightsOf(const AppCall& call, const ReadModels& models);

// The titles that a player of this account sees, by name.
std::vector<const VodTitle*> TitlesOfApp(const Catalogue& catalogue, const FilmRights& rights,
                                         AdultChannels adult, FilmKind kind);
// Null if the app may not see it, or it is of the other kind.
const VodTitle* FindTitleForApp(const Catalogue& catalogue, const FilmRights& rights,
                                AdultChannels adult, FilmKind kind, std::int64_t id,
                                Shelf shelf = Shelf::kPlayable);

// The answers, whole. `category` 0: all.
std::string FilmCategories(const Catalogue& catalogue, const std::vector<const VodTitle*>& titles);
std::string FilmList(const Catalogue& catalogue, const std::vector<const VodTitle*>& titles,
                     FilmKind kind, std::int64_t category);
// Right-shaped and empty for null.
std::string FilmInfo(const Catalogue& catalogue, const VodTitle* title);
std::string SeriesInfo(const Catalogue& catalogue, const VodTitle* title);

// "mp4" of the file's name; "mp4" too when it has no ending.
std::string ContainerOf(const VodFile& file);

}  // namespace holdfast::middleware
