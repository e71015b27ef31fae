// One channel's part of an XMLTV file.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/xmltv_escape.h"
#include "services/middleware/xmltv_export.h"

namespace holdfast::middleware {
namespace {

void AppendDigits(std::string& out, int number, int digits) {
  char text[8];
  for (int i = digits - 1; i >= 0; --i, number /= 10)
    text[i] = static_cast<char>('0' + number % 10);
  out.append(text, static_cast<std::size_t>(digits));
}

// "20260102100000 +0000"
void AppendTime(std::string& out, std::int64_t epoch_seconds) {
  const auto civil = absl::ToCivilSecond(absl::FromUnixSeconds(epoch_seconds), absl::UTCTimeZone());
  AppendDigits(out, static_cast<int>(civil.year()), 4);
  for (const int part :
       {civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()}) {
    AppendDigits(out, part, 2);
  }
  out += " +0000";
}

void AppendElement(std::string& out, std::string_view name, std::string_view text) {
  out += '<';
  out += name;
  out += '>';
  AppendXmlEscaped(out, text);
  out += "</";
  out += name;
  out += ">";
}

void AppendIfSaid(std::string& out, std::string_view name, std::string_view text) {
  if (!IsBlankInXml(text)) AppendElement(out, name, text);
}

void AppendCredits(std::string& out, const Programme& programme) {
  if (IsBlankInXml(programme.director) && IsBlankInXml(programme.actors)) return;
  out += "<credits>";
  AppendIfSaid(out, "director", programme.director);
  for (std::string_view rest = programme.actors; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view actor = rest.substr(0, comma);
    while (actor.starts_with(' ')) actor.remove_prefix(1);
    AppendIfSaid(out, "actor", actor);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  out += "</credits>";
}

// "0.4." and "1/3 . 12/24 . 0/2": series, episode and part, counted from zero.
bool IsXmltvEpisode(std::string_view text) {
  const bool right_bytes = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == '/' || c == ' ';
  });
  if (!right_bytes || std::count(text.begin(), text.end(), '.') != 2) return false;
  for (int i = 0; i < 3; ++i) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    std::string part(text.substr(0, dot));
    part.erase(std::remove(part.begin(), part.end(), ' '), part.end());
    if (std::count(part.begin(), part.end(), '/') > 1 || part.ends_with('/')) return false;
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return true;
}

void AppendEpisode(std::string& out, std::string_view episode) {
  if (IsBlankInXml(episode)) return;
  out += IsXmltvEpisode(episode) ? "<episode-num system=\"xmltv_ns\">"
                                 : "<episode-num system=\"onscreen\">";
  AppendXmlEscaped(out, episode);
  out += "</episode-num>";
}

}  // namespace

std::string RenderXmltvProgrammes(std::string_view exported_id,
                                  std::span<const Programme> programmes) {
  std::string out;
  out.reserve(programmes.size() * 400);
  for (const Programme& programme : programmes) {
    out += "<programme start=\"";
    AppendTime(out, programme.start);
    out += "\" stop=\"";
    AppendTime(out, programme.stop);
    out += "\" channel=\"";
    out += exported_id;
    out += "\">";
    // Readers drop a programme without a title.
    AppendElement(out, "title", IsBlankInXml(programme.title) ? "-" : programme.title);
    AppendIfSaid(out, "sub-title", programme.sub_title);
    AppendIfSaid(out, "desc", programme.description);
    AppendCredits(out, programme);
    AppendIfSaid(out, "category", programme.category);
    if (!IsBlankInXml(programme.icon)) {
      out += "<icon src=\"";
      AppendXmlEscaped(out, programme.icon);
      out += "\"/>";
    }
    AppendEpisode(out, programme.episode);
    out += "</programme>\n";
  }
  return out;
}

}  // namespace holdfast::middleware
