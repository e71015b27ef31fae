// Wakes a thread that waits in poll().
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "libs/base/check.h"

namespace holdfast::discovery {

// Thread-safe.
class WakeFd {
 public:
  WakeFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { HOLDFAST_CHECK(fd_ >= 0); }
  ~WakeFd() { ::close(fd_); }
  WakeFd(const WakeFd&) = delete;
  WakeFd& operator=(const WakeFd&) = delete;

  int fd() const { return fd_; }  // readable after Wake, until Clear

  void Wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  }
  void Clear() const {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &ignored, sizeof ignored);
  }

 private:
  const int fd_;
};

}  // namespace holdfast::discovery
