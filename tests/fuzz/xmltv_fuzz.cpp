// A guide as a source sends it, in pieces of any size, from the text to each channel's schedule.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/check.h"
#include "services/epg/domain/xmltv.h"

namespace holdfast::epg {
namespace {

struct Heard {
  bool ok = false;
  XmltvCounts counts;
  int channels = 0;
  std::map<std::string, std::vector<RawProgramme>> programmes;
};

constexpr std::size_t kMaxText = 512;

Heard Read(std::string_view document, std::size_t piece) {
  Heard heard;
  XmltvReader reader(
      {.default_zone = TimeZone::Utc(), .languages = {"de"}, .max_text_bytes = kMaxText},
      [&](XmltvChannel) { ++heard.channels; },
      [&](std::string channel, RawProgramme programme) {
        HOLDFAST_CHECK(!channel.empty());
        HOLDFAST_CHECK(programme.programme.title.size() <= kMaxText);
        heard.programmes[std::move(channel)].push_back(std::move(programme));
      });
  heard.ok = true;
  for (std::size_t at = 0; at < document.size() && heard.ok; at += piece) {
    heard.ok = reader.Feed(document.substr(at, piece)).ok();
  }
  heard.ok = heard.ok && reader.Finish().ok();
  heard.counts = reader.counts();
  return heard;
}

void CheckGuide(std::string_view document) {
  const Heard whole = Read(document, document.size() + 1);
  const Heard pieces = Read(document, 7);
  // How a document is cut must not decide what it says. Whether a malformed prologue is accepted
  // may depend on it: libxml2's push parser looks for the end of a DOCTYPE in what it has got.
  if (!whole.ok || !pieces.ok) return;
  HOLDFAST_CHECK(whole.counts.programmes == pieces.counts.programmes);
  HOLDFAST_CHECK(whole.channels == pieces.channels);
  for (const auto& [channel, raw] : whole.programmes) {
    ScheduleRepairs repairs;
    const Schedule schedule = MakeSchedule(raw, repairs);
    for (std::size_t i = 0; i < schedule.size(); ++i) {
      HOLDFAST_CHECK(schedule[i].start < schedule[i].stop);
      HOLDFAST_CHECK(i == 0 || schedule[i - 1].stop <= schedule[i].start);
    }
  }
}

}  // namespace
}  // namespace holdfast::epg

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::epg::CheckGuide({reinterpret_cast<const char*>(data), size});
  return 0;
}
