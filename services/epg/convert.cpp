#include "services/epg/convert.h"

#include "libs/base/status.h"

namespace holdfast::epg {

v1::Programme ToProto(const Programme& programme) {
  v1::Programme out;
  out.set_start(programme.start);
  out.set_stop(programme.stop);
  out.set_title(programme.title);
  out.set_sub_title(programme.sub_title);
  out.set_description(programme.description);
  out.set_category(programme.category);
  out.set_director(programme.director);
  out.set_actors(programme.actors);
  out.set_icon_url(programme.icon_url);
  out.set_episode(programme.episode);
  out.set_genre_code(programme.genre_code);
  out.set_rating(programme.rating);
  return out;
}

Programme FromProto(const v1::Programme& programme) {
  return {.start = programme.start(),
          .stop = programme.stop(),
          .title = programme.title(),
          .sub_title = programme.sub_title(),
          .description = programme.description(),
          .category = programme.category(),
          .director = programme.director(),
          .actors = programme.actors(),
          .icon_url = programme.icon_url(),
          .episode = programme.episode(),
          .genre_code = programme.genre_code(),
          .rating = programme.rating()};
}

v1::GuideDay ToProto(const GuidePage& page) {
  v1::GuideDay out;
  out.set_epg_channel_id(page.channel);
  out.set_day(page.day);
  for (const Programme& programme : page.programmes) *out.add_programmes() = ToProto(programme);
  return out;
}

GuidePage FromProto(const v1::GuideDay& day) {
  GuidePage page{.channel = day.epg_channel_id(), .day = day.day()};
  page.programmes.reserve(day.programmes_size());
  for (const v1::Programme& programme : day.programmes()) {
    page.programmes.push_back(FromProto(programme));
  }
  return page;
}

v1::Source ToProto(const Source& source) {
  v1::Source out;
  out.set_name(source.name);
  out.set_uri(source.uri);
  out.set_default_zone(source.default_zone);
  for (const std::string& language : source.languages) out.add_languages(language);
  out.set_shift_minutes(source.shift_minutes);
  out.set_disabled(source.disabled);
  out.set_last_import_at(source.last_import_at);
  out.set_last_programmes(source.last_programmes);
  out.set_last_error(source.last_error);
  return out;
}

absl::StatusOr<Source> FromProto(const v1::Source& source) {
  Source out{.name = source.name(),
             .uri = source.uri(),
             .default_zone = source.default_zone(),
             .languages = {source.languages().begin(), source.languages().end()},
             .shift_minutes = source.shift_minutes(),
             .disabled = source.disabled()};
  HOLDFAST_RETURN_IF_ERROR(CheckSource(out));
  return out;
}

v1::ImportReport ToProto(const ImportReport& report) {
  v1::ImportReport out;
  out.set_channels(report.counts.channels);
  out.set_programmes(report.counts.programmes);
  out.set_programmes_in_window(report.programmes_in_window);
  out.set_bad_times(report.counts.bad_times);
  out.set_filled_stops(report.repairs.filled_stops);
  out.set_dropped_empty(report.repairs.dropped_empty);
  out.set_dropped_doubles(report.repairs.dropped_doubles);
  out.set_cut_overlaps(report.repairs.cut_overlaps);
  out.set_pages_changed(report.pages_changed);
  out.set_unchanged(report.unchanged);
  return out;
}

std::string GuideKey(std::string_view channel, std::string_view day) {
  std::string key(channel);
  key += '|';
  key += day;
  return key;
}

}  // namespace holdfast::epg
