#include "libs/telemetry/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <iterator>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "libs/base/time_zone.h"
#include "libs/telemetry/trace.h"

namespace holdfast::telemetry {
namespace {

constexpr std::size_t kMaxCallSites = 4096;

struct Logger {
  Logger() : output("holdfast", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    output.set_pattern("%v");
    output.set_level(spdlog::level::trace);
    output.set_error_handler([](const std::string&) {});  // nobody is left to tell
  }

  spdlog::logger output;
  absl::Mutex mutex;
  LogOptions options ABSL_GUARDED_BY(mutex);
  StringMap<SteadyTime> last_logged ABSL_GUARDED_BY(mutex);
};

// Never destroyed: threads may log until the process is gone.
Logger& Instance() {
  static Logger* const logger = new Logger;
  return *logger;
}

std::string_view NameOf(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "error";
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool NeedsQuotes(std::string_view value) {
  for (const char c : value) {
    if (c == ' ' || c == '"' || c == '=' || c == '\\' || IsControl(c)) return true;
  }
  return value.empty();
}

// One line stays one line, whatever a value holds.
void AppendValue(std::string& line, std::string_view value) {
  if (!NeedsQuotes(value)) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (c == '\r') {
      line += "\\r";
    } else if (c == '\t') {
      line += "\\t";
    } else if (IsControl(c)) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  line += '"';
}

void AppendField(std::string& line, std::string_view key, std::string_view value) {
  line += ' ';
  line += key;
  line += '=';
  AppendValue(line, value);
}

}  // namespace

void InitLogging(const LogOptions& options) {
  Logger& logger = Instance();
  absl::MutexLock lock(&logger.mutex);
  logger.options = options;
}

void Log(Level level, std::string_view message, std::initializer_list<LogField> fields) {
  Logger& logger = Instance();
  std::string line;
  line.reserve(256);
  const WallTime now = SystemClock::Get().Now();
  line += "time=" + TimeZone::Utc().Format("%Y-%m-%dT%H:%M:%S", now);
  fmt::format_to(std::back_inserter(line), ".{:03d}Z", EpochMillis(now) % 1000);
  AppendField(line, "level", NameOf(level));
  {
    absl::MutexLock lock(&logger.mutex);
    if (level < logger.options.minimum) return;
    if (!logger.options.service.empty()) AppendField(line, "service", logger.options.service);
    if (!logger.options.instance.empty()) AppendField(line, "instance", logger.options.instance);
  }
  AppendField(line, "msg", message);
  for (const LogField& field : fields) AppendField(line, field.key, field.value);
  if (const TraceContext* trace = ScopedTrace::Current()) {
    AppendField(line, "trace", trace->trace_id.ToString());
  }
  logger.output.log(spdlog::level::info, line);
}

bool ShouldLog(std::string_view key) {
  Logger& logger = Instance();
  const SteadyTime now = SystemClock::Get().SteadyNow();
  absl::MutexLock lock(&logger.mutex);
  if (SteadyTime* last = Find(logger.last_logged, key)) {
    if (now - *last < std::chrono::seconds(1)) return false;
    *last = now;
    return true;
  }
  if (logger.last_logged.size() >= kMaxCallSites) logger.last_logged.clear();
  logger.last_logged.emplace(std::string(key), now);
  return true;
}

}  // namespace holdfast::telemetry
