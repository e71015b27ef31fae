// How long a request that arrives now waits until its I/O thread comes to it. A descriptor of our
// own becomes ready like a socket does; the kernel hands ready ones over in the order in which they
// became ready; so the time until ours is handled is the time that any request waits.
//
// Owned and used by one I/O thread. Nothing happens while no requests come.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <memory>

#include "libs/admission/load_level.h"
#include "libs/base/random.h"

namespace holdfast::http {

class LoopProbe : public std::enable_shared_from_this<LoopProbe> {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  LoopProbe(boost::asio::io_context& io, Random& random);

  // At each request; `now` is when it had arrived whole.
  void Tick(TimePoint now) {
    if (now >= next_at_) Probe(now);
  }
  // No handler of this object runs afterwards but those that are already due.
  void Close();

  const admission::LoadLevel& load() const { return load_; }

 private:
  using Executor = boost::asio::io_context::executor_type;

  void Probe(TimePoint now);
  void OnReady(TimePoint now);
  void Report(std::chrono::nanoseconds delay);

  boost::asio::posix::basic_stream_descriptor<Executor> event_;  // closed: there is none to be had
  std::array<char, 8> count_{};
  TimePoint next_at_;     // of the next probe or report
  TimePoint started_at_;  // of the probe that is under way
  TimePoint reported_at_;
  bool under_way_ = false;
  admission::LoadLevel load_;
};

}  // namespace holdfast::http
