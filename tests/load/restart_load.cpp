// All boxes of a portal restart within a minute while others go on watching; says how it went, as
// one line of JSON. See README.md; tests/load/run does the rest.
//
//   restart_load --port 8080 --boxes 6250 --seconds 60 --playing 200 --channel "ffrt ..." --pid 12
//   restart_load --register 6450 --etcd http://127.0.0.1:2379 --tls run/tls --account demo
#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "tests/load/known_boxes.h"
#include "tests/load/living_box.h"
#include "tests/load/load_run.h"

namespace holdfast::load {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostBoxes = 65'000;
constexpr auto kQuiet = 5s;       // before and after, to compare with
constexpr auto kRetryPause = 5s;  // of a box that could not start
constexpr auto kLastTry = 5min;   // after the begin
constexpr auto kSwitchOn = 3s;    // over which those that only watch are switched on
constexpr auto kPatience = 10s;
enum Phase : std::size_t { kStart, kBefore, kStorm, kAfter, kPhases };

using Flags = std::map<std::string, std::string>;

double Number(const Flags& flags, const std::string& name, double otherwise) {
  const auto it = flags.find(name);
  return it == flags.end() ? otherwise : std::stod(it->second);
}

std::string Text(const Flags& flags, const std::string& name) {
  const auto it = flags.find(name);
  return it == flags.end() ? "" : it->second;
}

std::string Escaped(std::string text) {
  for (char& c : text) c = c == '"' || c == '\\' || c < ' ' ? '.' : c;
  return text;
}

// Each at a random moment of the time given.
std::vector<ScheduledBox> Storm(std::size_t boxes, double seconds, const std::string& channel,
                                std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> moment(0, seconds);
  std::vector<ScheduledBox> storm;
  for (std::size_t i = 0; i < boxes; ++i) {
    storm.push_back({std::chrono::duration_cast<SteadyClock::duration>(
                         std::chrono::duration<double>(moment(random))),
                     StartSequence(MacOf(i), channel)});
  }
  return storm;
}

// Boxes that watch and zap for the whole time, on a thread of their own.
class Audience {
 public:
  Audience(std::uint16_t port, std::size_t first, std::size_t count,
           const std::vector<std::string>& channels, std::uint64_t seed)
      : loop_(kPatience) {
    Rhythm rhythm;
    rhythm.restart = std::chrono::hours(24);  // that is what the others do
    for (std::size_t i = 0; i < count; ++i) {
      boxes_.push_back(std::make_unique<LivingBox>(MacOf(first + i), channels, rhythm, kSwitchOn,
                                                   seed + i, log_));
      loop_.Add(*boxes_.back(), {port});
    }
    thread_ = std::thread([this] { loop_.Play([this] { return stop_.load(); }); });
  }

  BoxLog& log() { return log_; }
  void End() {
    stop_ = true;
    thread_.join();
  }

 private:
  BoxLog log_{kPhases};
  OpenLoop loop_;
  std::vector<std::unique_ptr<LivingBox>> boxes_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

std::string ToJson(BoxCounts counts) {
  std::size_t done = 0;
  for (const std::size_t each : counts.done) done += each;
  const std::size_t failed = counts.failures() - counts.sessions_lost;
  return fmt::format(
      R"({{"done":{},"failed":{},"sessions_lost":{},"zap_p50_ms":{:.2f},"zap_p99_ms":{:.2f},)"
      R"("first_failure":"{}"}})",
      done, failed, counts.sessions_lost, Percentile(counts.zap_ms, 50),
      Percentile(counts.zap_ms, 99), Escaped(counts.first_failure));
}

std::string ToJson(LoadResult& r) {
  return fmt::format(R"({{"boxes":{},"started":{},"retries":{},"shed":{},"broken":{},)"
                     R"("broken_answers":{},"gave_up":{},)"
                     R"("first_broken":"{}","last_start_s":{:.1f},"request_p50_ms":{:.2f},)"
                     R"("request_p99_ms":{:.2f},"start_p99_ms":{:.2f},"late_p99_ms":{:.2f}}})",
                     r.boxes, r.started, r.retries, r.shed, r.broken, r.broken_answers, r.gave_up,
                     Escaped(r.first_broken), r.last_start_s, Percentile(r.request_ms, 50),
                     Percentile(r.request_ms, 99), Percentile(r.start_ms, 99),
                     Percentile(r.late_ms, 99));
}

int Restart(const Flags& flags) {
  const auto port = static_cast<std::uint16_t>(Number(flags, "--port", 0));
  const auto boxes = static_cast<std::size_t>(Number(flags, "--boxes", 0));
  const auto playing = static_cast<std::size_t>(Number(flags, "--playing", 200));
  const double seconds = Number(flags, "--seconds", 60);
  const auto seed = static_cast<std::uint64_t>(
      Number(flags, "--seed", static_cast<double>(SecureSeed() % 1'000'000)));
  const std::vector<std::string> channels = {Text(flags, "--channel")};
  if (port == 0 || boxes == 0 || boxes + playing > kMostBoxes || channels[0].empty()) {
    std::fprintf(stderr,
                 "restart_load: --port, --channel and --boxes (with --playing to %zu) are "
                 "needed\n",
                 kMostBoxes);
    return 2;
  }
  Audience audience(port, boxes, playing, channels, seed);
  std::this_thread::sleep_for(kSwitchOn + kQuiet);  // lengths of the phases, no waits
  audience.log().Begin(kBefore);
  std::this_thread::sleep_for(kQuiet);
  audience.log().Begin(kStorm);
  LoadResult storm = RunLoad({.port = port,
                              .patience = kPatience,
                              .retry_pause = kRetryPause,
                              .last_try = kLastTry,
                              .seed = seed},
                             Storm(boxes, seconds, channels[0], seed));
  audience.log().Begin(kAfter);
  std::this_thread::sleep_for(kQuiet);
  audience.End();
  std::printf(R"({"seed":%llu,"storm":%s,"before":%s,"meanwhile":%s,"after":%s})"
              "\n",
              static_cast<unsigned long long>(seed), ToJson(storm).c_str(),
              ToJson(audience.log().at(kBefore)).c_str(), ToJson(audience.log().at(kStorm)).c_str(),
              ToJson(audience.log().at(kAfter)).c_str());
  return 0;
}

int RegisterAll(const Flags& flags) {
  const absl::Status done =
      Register({.etcd_url = Text(flags, "--etcd"),
                .tls_dir = Text(flags, "--tls"),
                .account_id = Text(flags, "--account"),
                .count = static_cast<std::size_t>(Number(flags, "--register", 0))});
  if (done.ok()) return 0;
  std::fprintf(stderr, "restart_load: %s\n", ToString(done).c_str());
  return 1;
}

}  // namespace
}  // namespace holdfast::load

int main(int argc, char** argv) {
  holdfast::load::Flags flags;
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  return flags.contains("--register") ? holdfast::load::RegisterAll(flags)
                                      : holdfast::load::Restart(flags);
}
