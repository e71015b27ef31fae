#include "libs/http/loop_probe.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cstdint>

namespace holdfast::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kWindow(100);
constexpr milliseconds kRightDelay(50);  // more is too much
constexpr std::int64_t kMostQuietWindows = 20;

}  // namespace

LoopProbe::LoopProbe(boost::asio::io_context& io, Random& random)
    : event_(io), next_at_(steady_clock::now() + kWindow), load_({}, random) {
  const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  boost::system::error_code error;
  if (descriptor >= 0) event_.assign(descriptor, error);
}

void LoopProbe::Close() {
  boost::system::error_code ignored;
  event_.close(ignored);
}

void LoopProbe::Probe(TimePoint now) {
  next_at_ = now + kWindow;
  if (!event_.is_open()) return;
  if (under_way_) return Report(now - started_at_);  // it waits for so long at least
  const std::uint64_t one = 1;
  under_way_ = true;
  started_at_ = now;
  event_.async_read_some(boost::asio::buffer(count_),
                         [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                           if (!error) self->OnReady(steady_clock::now());
                         });
  if (::write(event_.native_handle(), &one, sizeof one) != sizeof one) Close();
}

void LoopProbe::OnReady(TimePoint now) {
  under_way_ = false;
  Report(now - started_at_);
}

void LoopProbe::Report(std::chrono::nanoseconds delay) {
  const TimePoint now = steady_clock::now();
  // Windows in which nobody asked were quiet.
  const std::int64_t quiet = std::min((now - reported_at_) / kWindow - 1, kMostQuietWindows);
  for (std::int64_t i = 0; i < quiet && load_.level() > 0; ++i) load_.Update(0);
  reported_at_ = now;
  load_.Update(static_cast<double>(delay.count()) /
               static_cast<double>(std::chrono::nanoseconds(kRightDelay).count()));
}

}  // namespace holdfast::http
