// Switches boxes on at a portal of this machine and says how it went, as one line of JSON. See
// README.md; tests/load/run does the rest.
//
//   portal_load --port 8080 --rate 500 --seconds 5 --macs 5000 --channel "ffrt
//   http://localhost/ch/1_"
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include "tests/load/load_run.h"

namespace holdfast::load {
namespace {

constexpr std::size_t kMostBoxes = 200'000;
constexpr std::size_t kCheckedAfterwards = 500;
constexpr double kCheckRate = 100;  // boxes a second: no load at all

using Flags = std::map<std::string, std::string>;

double Number(const Flags& flags, const std::string& name, double otherwise) {
  const auto it = flags.find(name);
  return it == flags.end() ? otherwise : std::stod(it->second);
}

// Random arrivals at a mean rate: boxes that do not know of each other.
std::vector<ScheduledBox> Schedule(std::vector<StartSequence> sequences, double rate,
                                   std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(rate);
  std::vector<ScheduledBox> boxes;
  double at = 0;
  for (StartSequence& sequence : sequences) {
    at += gap(random);
    boxes.push_back(
        {std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(at)),
         std::move(sequence)});
  }
  return boxes;
}

// User and system time of a process so far; 0 if there is none.
double CpuSeconds(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct Aside {
  double cpu_seconds = 0;  // of the server, while the boxes started
  std::size_t checked = 0;
  std::size_t lost = 0;
};

std::string ToJson(LoadResult& r, const Aside& aside) {
  std::string broken;
  for (const char c : r.first_broken) broken += c == '"' || c == '\\' || c < ' ' ? '.' : c;
  return fmt::format(
      R"({{"boxes":{},"started":{},"shed":{},"broken":{},"gave_up":{},"first_broken":"{}",)"
      R"("seconds":{:.2f},"request_p50_ms":{:.2f},"request_p99_ms":{:.2f},"start_p50_ms":{:.2f},)"
      R"("start_p99_ms":{:.2f},"late_p99_ms":{:.2f},"server_cpu_seconds":{:.2f},)"
      R"("sessions_checked":{},"sessions_lost":{}}})",
      r.boxes, r.started, r.shed, r.broken, r.gave_up, broken, r.seconds,
      Percentile(r.request_ms, 50), Percentile(r.request_ms, 99), Percentile(r.start_ms, 50),
      Percentile(r.start_ms, 99), Percentile(r.late_ms, 99), aside.cpu_seconds, aside.checked,
      aside.lost);
}

int Main(const Flags& flags) {
  const auto rate = Number(flags, "--rate", 100);
  const auto macs = static_cast<std::size_t>(Number(flags, "--macs", 1000));
  const auto seed = static_cast<std::uint64_t>(Number(flags, "--seed", 1));
  const auto wanted = static_cast<std::size_t>(rate * Number(flags, "--seconds", 5));
  const auto channel = flags.find("--channel");
  const LoadOptions options{.port = static_cast<std::uint16_t>(Number(flags, "--port", 0))};
  if (options.port == 0 || macs == 0 || macs > 65536 || rate <= 0 || channel == flags.end()) {
    std::fprintf(stderr,
                 "portal_load: --port, --channel, --rate and --macs (to 65536) are needed\n");
    return 2;
  }
  std::vector<StartSequence> starts;
  for (std::size_t i = 0; i < std::min(wanted, kMostBoxes); ++i) {
    starts.emplace_back(MacOf(i % macs), channel->second);
  }
  const int server = static_cast<int>(Number(flags, "--pid", 0));
  const double cpu_before = CpuSeconds(server);
  LoadResult result = RunLoad(options, Schedule(std::move(starts), rate, seed));
  Aside aside{.cpu_seconds = CpuSeconds(server) - cpu_before};

  // Boxes that were through before or during the storm go on playing: none may have lost its token.
  std::vector<StartSequence> playing;
  for (const StartSequence& done : result.finished) {
    if (playing.size() == kCheckedAfterwards) break;
    playing.emplace_back(done.mac(), channel->second, done.token()).SkipToPlaying();
  }
  aside.checked = playing.size();
  const LoadResult after = RunLoad(options, Schedule(std::move(playing), kCheckRate, seed));
  aside.lost = aside.checked - after.started;
  std::puts(ToJson(result, aside).c_str());
  return 0;
}

}  // namespace
}  // namespace holdfast::load

int main(int argc, char** argv) {
  holdfast::load::Flags flags;
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  return holdfast::load::Main(flags);
}
