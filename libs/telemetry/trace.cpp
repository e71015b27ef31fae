#include "libs/telemetry/trace.h"

#include <algorithm>

namespace holdfast::telemetry {
namespace {

constexpr std::size_t kHeaderSize = 55;  // of version 00; later versions may add "-..." behind

thread_local const TraceContext* current_trace = nullptr;

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(std::string_view hex) { return hex.find_first_not_of('0') == std::string_view::npos; }

int HexDigit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

// All zeros is not an id.
std::uint64_t NextId(Random& random) {
  std::uint64_t id = 0;
  while (id == 0) id = random.Next();
  return id;
}

// Without a format string, as the header: each call makes one.
void AppendHex(std::uint64_t id, std::string& out) {
  for (int shift = 60; shift >= 0; shift -= 4)
    out.push_back("0123456789abcdef"[(id >> shift) & 15]);
}

}  // namespace

std::string TraceContext::ToHeader() const {
  std::string header;
  header.reserve(kHeaderSize);
  header.append("00-").append(trace_id).append("-").append(parent_id);
  return header.append(sampled ? "-01" : "-00");
}

TraceContext TraceContext::Child(Random& random) const {
  TraceContext child{trace_id, {}, sampled};
  AppendHex(NextId(random), child.parent_id);
  return child;
}

TraceContext TraceContext::Start(Random& random) {
  TraceContext trace;
  trace.trace_id.reserve(32);
  AppendHex(NextId(random), trace.trace_id);
  AppendHex(random.Next(), trace.trace_id);
  AppendHex(NextId(random), trace.parent_id);
  return trace;
}

std::optional<TraceContext> TraceContext::Parse(std::string_view header) {
  if (header.size() < kHeaderSize) return std::nullopt;
  const std::string_view version = header.substr(0, 2);
  const std::string_view trace_id = header.substr(3, 32);
  const std::string_view parent_id = header.substr(36, 16);
  const std::string_view flags = header.substr(53, 2);

  if (header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  if (!IsLowerHex(version) || !IsLowerHex(trace_id) || !IsLowerHex(parent_id) ||
      !IsLowerHex(flags)) {
    return std::nullopt;
  }
  if (version == "ff" || IsZero(trace_id) || IsZero(parent_id)) return std::nullopt;
  if (header.size() > kHeaderSize && (version == "00" || header[kHeaderSize] != '-')) {
    return std::nullopt;
  }
  return TraceContext{std::string(trace_id), std::string(parent_id), (HexDigit(flags[1]) & 1) != 0};
}

ScopedTrace::ScopedTrace(const TraceContext& trace) : previous_(current_trace) {
  current_trace = &trace;
}

ScopedTrace::~ScopedTrace() { current_trace = previous_; }

const TraceContext* ScopedTrace::Current() { return current_trace; }

}  // namespace holdfast::telemetry
