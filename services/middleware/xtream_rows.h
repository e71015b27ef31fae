// What apps of the Xtream family read, to the letter (portal protocol, sections 17.2 and 17.3): the
// types of the fields are part of the contract.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "services/middleware/app_call.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/domain/guide.h"
#include "services/middleware/domain/lineup.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {

// Fields "user_info" and "server_info" of an account that is let in.
// `active_streams`: how many devices of the account play.
void AppendUserInfo(JsonWriter& json, const AppCall& call, int active_streams);
void AppendServerInfo(JsonWriter& json, std::string_view base_url, WallTime now);

// The answer to a wrong login.
std::string NobodyInfo();

// {"category_id":"2","category_name":"news","parent_id":0}, of the genres of these channels.
void AppendCategories(JsonWriter& json, const Lineup& lineup,
                      const std::vector<const Channel*>& channels);

// One element of get_live_streams.
void AppendLiveStream(JsonWriter& json, const Channel& channel);
// The older form, of panel_api.php.
void AppendPanelStream(JsonWriter& json, const Channel& channel, std::string_view category);

// One element of epg_listings. Times are UTC.
enum class ListingMarks { kNone, kNowAndArchive };
void AppendListing(JsonWriter& json, const Channel& channel, const Programme& programme,
                   ListingMarks marks, std::int64_t now);

}  // namespace holdfast::middleware
