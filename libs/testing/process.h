// A server process of the test's own: started on private ports and folders, stopped by its id, and
// ended with the test program even if that crashes (PR_SET_PDEATHSIG).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast::test {

class Process {
 public:
  struct Options {
    std::vector<std::string> command;      // absolute program, arguments
    std::vector<std::string> environment;  // "NAME=value", added to ours
    std::string log_file;                  // stdout and stderr; empty: ours
    std::string run_as;                    // user to become, if we are root; empty: stay
  };
  static absl::StatusOr<Process> Start(const Options& options);
  ~Process();  // Kill()
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  pid_t pid() const { return pid_; }
  void Kill();                // SIGKILL, waits
  int Terminate(int seconds = 10);  // SIGTERM, waits, SIGKILL at the end; exit code or -signal
  void Stop();                // SIGSTOP
  void Continue();            // SIGCONT
  bool running() const;

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

std::uint16_t FreePort();  // free at the time of asking, on 127.0.0.1

}  // namespace holdfast::test
