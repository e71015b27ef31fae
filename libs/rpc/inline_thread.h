// Which threads serve the network right now and must not block.
#pragma once

namespace holdfast::rpc {

// Lives while an inline handler or a completion callback runs on a gRPC thread.
class InlineThreadScope {
 public:
  InlineThreadScope() { ++depth_; }
  ~InlineThreadScope() { --depth_; }
  InlineThreadScope(const InlineThreadScope&) = delete;
  InlineThreadScope& operator=(const InlineThreadScope&) = delete;

  static bool Active() { return depth_ > 0; }

 private:
  static inline thread_local int depth_ = 0;
};

}  // namespace holdfast::rpc
