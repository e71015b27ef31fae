// One line per event, key=value, with the trace id of the request it belongs to:
//
//   Log(Info, "breaker opened", {{"neighbour", "epg"}, {"failures", 5}});
//   time=2026-01-02T10:00:00.123Z level=info service=middleware instance=middleware-a
//     msg="breaker opened" neighbour=epg failures=5 trace=4bf92f3577b34da6a3ce929d0e0e4736
//
// Names of people, secrets, tokens and credentials in URLs never go into a log line.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "fmt/format.h"

namespace holdfast::telemetry {

enum class Level { kDebug, kInfo, kWarning, kError };
inline constexpr Level Debug = Level::kDebug;
inline constexpr Level Info = Level::kInfo;
inline constexpr Level Warning = Level::kWarning;
inline constexpr Level Error = Level::kError;

// A value that knows how to print itself; made from text, numbers, bools and durations.
struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <class T>
  requires(std::integral<T> || std::floating_point<T>) LogField(std::string_view k, T v)
      : key(k), value(fmt::format("{}", v)) {}

  std::string_view key;
  std::string value;
};

struct LogOptions {
  std::string service;
  std::string instance;
  Level minimum = Level::kInfo;
};

// Called once by the runner. Before that, lines go to standard error without service names.
void InitLogging(const LogOptions& options);

// Thread-safe. Writes to standard error; never throws, never blocks on anything but the file.
void Log(Level level, std::string_view message, std::initializer_list<LogField> fields = {});

// True at most once per second per call site key: for lines that a failure would repeat.
bool ShouldLog(std::string_view key);

}  // namespace holdfast::telemetry
