#include "libs/telemetry/trace.h"

#include <array>
#include <cstring>

namespace holdfast::telemetry {
namespace {

constexpr std::size_t kTraceIdAt = 3;
constexpr std::size_t kParentIdAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kHeaderSize = 55;  // of version 00; later versions may add "-..." behind

constexpr std::array<char, 512> MakeHexOfByte() {
  std::array<char, 512> digits = {};
  for (std::size_t i = 0; i < digits.size(); ++i) {
    digits[i] = "0123456789abcdef"[i % 2 == 0 ? i / 32 : i / 2 % 16];
  }
  return digits;
}
constexpr std::array<char, 512> kHexOfByte = MakeHexOfByte();

thread_local const TraceContext* current_trace = nullptr;

// All zeros is not an id.
std::uint64_t NextId(Random& random) {
  std::uint64_t id = 0;
  while (id == 0) id = random.Next();
  return id;
}

// Without a format string: each call writes some.
char* WriteHex(std::uint64_t id, char* out) {
  for (int shift = 56; shift >= 0; shift -= 8, out += 2) {
    std::memcpy(out, &kHexOfByte[2 * ((id >> shift) & 255)], 2);
  }
  return out;
}

// Lower-case digits only, at most 16 of them.
bool ReadHex(std::string_view digits, std::uint64_t& out) {
  out = 0;
  for (const char c : digits) {
    const bool decimal = c >= '0' && c <= '9';
    if (!decimal && (c < 'a' || c > 'f')) return false;
    out = out << 4 | static_cast<std::uint64_t>(decimal ? c - '0' : c - 'a' + 10);
  }
  return true;
}

}  // namespace

std::string TraceId::ToString() const {
  std::string digits(32, '0');
  WriteHex(low, WriteHex(high, digits.data()));
  return digits;
}

std::string TraceContext::ToHeader() const {
  std::string header = "00-................................-................-0.";
  WriteHex(trace_id.low, WriteHex(trace_id.high, &header[kTraceIdAt]));
  WriteHex(parent_id, &header[kParentIdAt]);
  header.back() = sampled ? '1' : '0';
  return header;
}

TraceContext TraceContext::Child(Random& random) const {
  return {trace_id, NextId(random), sampled};
}

TraceContext TraceContext::Start(Random& random) {
  return {.trace_id = {.high = NextId(random), .low = random.Next()},
          .parent_id = NextId(random),
          .sampled = false};
}

std::optional<TraceContext> TraceContext::Parse(std::string_view header) {
  if (header.size() < kHeaderSize) return std::nullopt;
  if (header[kTraceIdAt - 1] != '-' || header[kParentIdAt - 1] != '-' ||
      header[kFlagsAt - 1] != '-') {
    return std::nullopt;
  }
  TraceContext trace;
  std::uint64_t version = 0;
  std::uint64_t flags = 0;
  if (!ReadHex(header.substr(0, 2), version) ||
      !ReadHex(header.substr(kTraceIdAt, 16), trace.trace_id.high) ||
      !ReadHex(header.substr(kTraceIdAt + 16, 16), trace.trace_id.low) ||
      !ReadHex(header.substr(kParentIdAt, 16), trace.parent_id) ||
      !ReadHex(header.substr(kFlagsAt, 2), flags)) {
    return std::nullopt;
  }
  if (version == 0xff || trace.trace_id == TraceId() || trace.parent_id == 0) return std::nullopt;
  if (header.size() > kHeaderSize && (version == 0 || header[kHeaderSize] != '-')) {
    return std::nullopt;
  }
  trace.sampled = (flags & 1) != 0;
  return trace;
}

ScopedTrace::ScopedTrace(const TraceContext& trace) : previous_(current_trace) {
  current_trace = &trace;
}

ScopedTrace::~ScopedTrace() { current_trace = previous_; }

const TraceContext* ScopedTrace::Current() { return current_trace; }

}  // namespace holdfast::telemetry
