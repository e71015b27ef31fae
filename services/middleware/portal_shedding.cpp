#include "services/middleware/portal_shedding.h"

#include <algorithm>
#include <iterator>

namespace holdfast::middleware {
namespace {

struct Row {
  std::string_view type;  // empty: any
  std::string_view action;
  Shedding shedding;
};

// Critical calls are never turned away here. Where a worker has no time for them either, the
// action's own thin answer goes out.
constexpr Row kRows[] = {
    {"", "create_link", {Criticality::kCritical}},
    {"stb", "handshake", {Criticality::kCritical}},
    {"stb", "get_profile", {Criticality::kCritical}},
    {"stb", "do_auth", {Criticality::kCritical}},
    {"stb", "get_localization", {Criticality::kCritical}},
    {"stb", "get_modules", {Criticality::kCritical}},
    {"itv", "get_all_channels", {Criticality::kCritical}},
    {"itv", "get_ordered_list", {Criticality::kCritical}},
    {"itv", "get_genres", {Criticality::kCritical}},
    {"itv", "get_all_fav_channels", {Criticality::kCritical}},
    {"itv", "get_fav_ids", {Criticality::kCritical}},

    {"watchdog",
     "get_events",
     {Criticality::kInteractive, R"({"data":{"msgs":0,"additional_services_on":"1"}})"}},
    {"watchdog", "confirm_event", {Criticality::kInteractive, R"({"data":"ok"})"}},
    {"itv", "get_short_epg", {Criticality::kInteractive, "[]"}},
    {"stb", "get_preload_images", {Criticality::kInteractive, "[]"}},
    {"remote_pvr", "get_active_recordings", {Criticality::kInteractive, "[]"}},
    {"epg", "get_all_program_for_ch", {Criticality::kInteractive, "[]"}},
    {"epg",
     "get_simple_data_table",
     {Criticality::kInteractive,
      R"({"cur_page":0,"selected_item":0,"total_items":0,"max_page_items":10,"data":[]})"}},

    {"itv", "get_epg_info", {.criticality = Criticality::kBackground, .looks_itself = true}},
    {"itv", "set_last_id", {Criticality::kBackground, "true"}},
    {"itv", "set_played", {Criticality::kBackground, "true"}},
    {"stb", "log", {Criticality::kBackground, "1"}},
    {"stb", "set_stream_error", {Criticality::kBackground, "true"}},
    {"stb", "save_diagnostic_info", {Criticality::kBackground, "true"}},
};

}  // namespace

Shedding SheddingOf(std::string_view type, std::string_view action) {
  const auto row = std::ranges::find_if(kRows, [&](const Row& r) {
    return r.action == action && (r.type.empty() || r.type == type);
  });
  return row == std::end(kRows) ? Shedding{} : row->shedding;
}

}  // namespace holdfast::middleware
