// W3C Trace Context (traceparent, version 00), carried through HTTP and gRPC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/random.h"

namespace holdfast::telemetry {

// Written as 32 lower-case hex digits. All zeros is not an id.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool operator==(const TraceId&) const = default;
  std::string ToString() const;
};

// A value without memory of its own: each request and each call makes some.
struct TraceContext {
  TraceId trace_id;
  std::uint64_t parent_id = 0;  // 16 lower-case hex digits: the span of whoever called
  bool sampled = false;

  // "00-<trace id>-<parent id>-<flags>".
  std::string ToHeader() const;

  // The same trace with a new parent id: what a request sends on.
  TraceContext Child(Random& random) const;

  static TraceContext Start(Random& random);
  static std::optional<TraceContext> Parse(std::string_view header);  // nothing for a malformed one
};

// The trace that the current thread works on; Log() adds its id. Null when there is none.
class ScopedTrace {
 public:
  explicit ScopedTrace(const TraceContext& trace);
  ~ScopedTrace();
  ScopedTrace(const ScopedTrace&) = delete;
  ScopedTrace& operator=(const ScopedTrace&) = delete;

  static const TraceContext* Current();

 private:
  const TraceContext* previous_;
};

}  // namespace holdfast::telemetry
