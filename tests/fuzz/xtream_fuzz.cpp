// What an app, or a stranger, puts into an address of the Xtream family, and what a guide or a
// lineup may put into the files that apps read. First line: the path; the rest: the query.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "libs/http/message.h"
#include "libs/http/route_table.h"
#include "libs/security/key_set.h"
#include "services/middleware/app_logins.h"
#include "services/middleware/domain/guide_id.h"
#include "services/middleware/domain/xtream_address.h"
#include "services/middleware/playlist_export.h"
#include "services/middleware/xmltv_escape.h"
#include "services/middleware/xmltv_export.h"

namespace holdfast::middleware {
namespace {

class NoRows final : public AppLoginStore {
 public:
  absl::StatusOr<Position> Where(Deadline) override { return Position{}; }
  absl::StatusOr<std::vector<AppLogin>> Since(Deadline, std::uint64_t, int) override {
    return std::vector<AppLogin>();
  }
  absl::Status Save(Deadline, const std::vector<AppLogin>&) override { return absl::OkStatus(); }
};

void CheckWord(std::string_view word) {
  if (const auto file = ParseStreamFile(word)) HOLDFAST_CHECK(file->id.value() > 0);
  if (const auto start = ParseCatchUpStart(word)) HOLDFAST_CHECK(*start > 0);
  if (const auto minutes = ParseCatchUpMinutes(word)) {
    HOLDFAST_CHECK(*minutes >= 1 && *minutes <= 1440);
  }
  const std::string id = ExportedGuideId(word);
  HOLDFAST_CHECK(word.empty() == id.empty());
  HOLDFAST_CHECK(id.empty() || id.find('.') != std::string::npos);
  HOLDFAST_CHECK(ExportedGuideId(id) == id);

  std::string xml;
  AppendXmlEscaped(xml, word);
  HOLDFAST_CHECK(xml.find_first_of("<>\"\n") == std::string::npos);
  HOLDFAST_CHECK(std::none_of(xml.begin(), xml.end(),
                              [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
  // What has nothing to read is left out, so it must not be empty when it is written.
  HOLDFAST_CHECK(IsBlankInXml(word) || !xml.empty());
}

void CheckFiles(std::string_view word) {
  Programme programme{.start = 1767348000, .stop = 1767351600, .title = word};
  programme.actors = programme.episode = programme.description = word;
  const std::string xml = RenderXmltvProgrammes("a.b", {&programme, 1});
  HOLDFAST_CHECK(std::count(xml.begin(), xml.end(), '\n') == 1);

  Channel channel{.id = ChannelId(1), .number = 1, .name = std::string(word)};
  channel.logo = channel.guide_id = std::string(word);
  channel.catch_up_hours = 24;
  const Lineup lineup({channel}, {{GenreId(0), std::string(word)}}, 1);
  const Credentials credentials{std::string(word), std::string(word)};
  const std::string m3u = RenderPlaylist(lineup, {&lineup.channels()[0]},
                                         {.base_url = "http://x", .credentials = credentials});
  HOLDFAST_CHECK(std::count(m3u.begin(), m3u.end(), '\n') == 3);
}

void CheckRequest(std::string_view input) {
  static telemetry::Metrics metrics;
  static const auto keys = security::KeySet::ForTest("k1", "0123456789abcdef0123456789abcdef");
  static NoRows rows;
  static WorkerPool workers({.threads = 1});
  static AppLogins logins({}, nullptr, rows, keys, workers, metrics, SystemClock::Get());

  const std::size_t line = std::min(input.find('\n'), input.size());
  std::string_view path = input.substr(0, line);
  const http::Form form(input.substr(std::min(line + 1, input.size())));
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string word = http::DecodePath(path.substr(0, slash));
    CheckWord(word);
    CheckFiles(word);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  for (const auto& [name, value] : form.fields()) CheckWord(value);
  // Nobody is known whom billing did not confirm.
  const Credentials credentials{std::string(form.Get("username")),
                                std::string(form.Get("password"))};
  HOLDFAST_CHECK(logins.Find(credentials, "10.0.0.1").standing != AppLogins::Standing::kKnown);
}

}  // namespace
}  // namespace holdfast::middleware

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::middleware::CheckRequest(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
