#include "libs/app/signals.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "libs/app/threads.h"
#include "libs/base/check.h"
#include "libs/telemetry/log.h"

namespace holdfast::app {

SignalWatcher::SignalWatcher(std::function<void()> on_stop) : on_stop_(std::move(on_stop)) {
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  HOLDFAST_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_CLOEXEC);
  HOLDFAST_CHECK(signal_fd_ >= 0 && wake_fd_ >= 0);
  thread_ = StartThread("signals", [this] { Run(); });
}

SignalWatcher::~SignalWatcher() {
  const std::uint64_t one = 1;
  HOLDFAST_CHECK(write(wake_fd_, &one, sizeof one) == sizeof one);
  thread_.join();
  close(signal_fd_);
  close(wake_fd_);
}

void SignalWatcher::Run() {
  for (int seen = 0;;) {
    pollfd fds[] = {{.fd = signal_fd_, .events = POLLIN}, {.fd = wake_fd_, .events = POLLIN}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof info) != sizeof info) continue;
    if (++seen > 1) {
      Log(telemetry::Warning, "second signal: ending without draining");
      std::_Exit(1);
    }
    Log(telemetry::Info, "stopping", {{"signal", strsignal(static_cast<int>(info.ssi_signo))}});
    on_stop_();
  }
}

}  // namespace holdfast::app
