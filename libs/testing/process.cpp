#include "libs/testing/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/base/worker_pool.h"

namespace holdfast::test {
namespace {

// Everything the child needs, made before fork: after it only async-signal-safe calls are allowed.
struct Plan {
  std::vector<char*> argv;
  std::vector<char*> envp;
  int log_fd = -1;
  bool change_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
};

[[noreturn]] void RunChild(const Plan& plan, pid_t parent, int error_pipe) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  bool ok = true;
  if (plan.change_user) {  // system calls, not glibc's wrappers: those want to stop all threads
    ok = syscall(SYS_setgroups, 0, nullptr) == 0 && syscall(SYS_setgid, plan.gid) == 0 &&
         syscall(SYS_setuid, plan.uid) == 0;
  }
  // After the change of user, which clears it.
  ok = ok && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
  if (plan.log_fd >= 0) ok = ok && dup2(plan.log_fd, 1) == 1 && dup2(plan.log_fd, 2) == 2;
  if (ok) {
    dup2(error_pipe, 3);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    syscall(SYS_close_range, 4u, ~0u, 0u);
    execve(plan.argv[0], plan.argv.data(), plan.envp.data());
    error_pipe = 3;
  }
  const int error = errno;
  (void)!write(error_pipe, &error, sizeof error);
  _exit(127);
}

absl::StatusOr<pid_t> Spawn(const Plan& plan) {
  int error_pipe[2];
  if (pipe2(error_pipe, O_CLOEXEC) != 0) return Internal("pipe: {}", strerror(errno));
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) RunChild(plan, parent, error_pipe[1]);
  const int fork_error = errno;
  close(error_pipe[1]);
  int error = 0;
  const bool failed = pid > 0 && read(error_pipe[0], &error, sizeof error) == sizeof error;
  close(error_pipe[0]);
  if (pid < 0) return Internal("fork: {}", strerror(fork_error));
  if (failed) {
    waitpid(pid, nullptr, 0);
    return Internal("cannot start {}: {}", plan.argv[0], strerror(error));
  }
  return pid;
}

// The kernel's parent-death signal comes when the *thread* that forked ends, so all processes are
// started by one thread that lives as long as the program.
absl::StatusOr<pid_t> SpawnOnLastingThread(const Plan& plan) {
  static WorkerPool* const spawner = new WorkerPool({.name = "spawner", .threads = 1});
  absl::StatusOr<pid_t> pid = absl::InternalError("not started");
  absl::Notification done;
  HOLDFAST_CHECK(spawner->TrySubmit([&] {
    pid = Spawn(plan);
    done.Notify();
  }));
  done.WaitForNotification();
  return pid;
}

int ExitCode(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }

}  // namespace

absl::StatusOr<Process> Process::Start(const Options& options) {
  HOLDFAST_CHECK(!options.command.empty());
  Plan plan;
  for (const auto& word : options.command) plan.argv.push_back(const_cast<char*>(word.c_str()));
  plan.argv.push_back(nullptr);
  for (char** variable = environ; *variable != nullptr; ++variable) plan.envp.push_back(*variable);
  // The last of two wins in our servers' getenv only if the first is gone, so ours replace theirs.
  for (const auto& variable : options.environment) {
    const std::string prefix = variable.substr(0, variable.find('=') + 1);
    std::erase_if(plan.envp,
                  [&](char* v) { return strncmp(v, prefix.c_str(), prefix.size()) == 0; });
    plan.envp.push_back(const_cast<char*>(variable.c_str()));
  }
  plan.envp.push_back(nullptr);
  if (!options.run_as.empty() && geteuid() == 0) {
    const passwd* user = getpwnam(options.run_as.c_str());
    if (user == nullptr) return NotFound("no user {}", options.run_as);
    plan.change_user = true;
    plan.uid = user->pw_uid;
    plan.gid = user->pw_gid;
  }
  if (!options.log_file.empty()) {
    plan.log_fd = open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (plan.log_fd < 0) return Internal("cannot open {}: {}", options.log_file, strerror(errno));
  }
  absl::StatusOr<pid_t> pid = SpawnOnLastingThread(plan);
  if (plan.log_fd >= 0) close(plan.log_fd);
  HOLDFAST_RETURN_IF_ERROR(pid.status());
  return Process(*pid);
}

Process::~Process() { Kill(); }

Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
  }
  return *this;
}

void Process::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int Process::Terminate(int seconds) {
  if (pid_ <= 0) return 0;
  kill(pid_, SIGTERM);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= end) {
      kill(pid_, SIGKILL);
      waitpid(pid_, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  pid_ = -1;
  return ExitCode(status);
}

void Process::Stop() {
  if (pid_ > 0) kill(pid_, SIGSTOP);
}

void Process::Continue() {
  if (pid_ > 0) kill(pid_, SIGCONT);
}

bool Process::running() const {
  if (pid_ <= 0) return false;
  siginfo_t info{};
  // Looks without reaping, so that Terminate can still tell the exit code.
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

std::uint16_t FreePort() {
  // Below the ports that the kernel gives to outgoing connections, so that none of those takes the
  // port before the server under test does; never the same one twice in a program.
  static absl::Mutex mutex;
  static std::set<std::uint16_t>* const given = new std::set<std::uint16_t>;
  static std::mt19937* const engine = new std::mt19937(std::random_device{}());
  absl::MutexLock lock(&mutex);
  for (int attempt = 0; attempt < 10'000; ++attempt) {
    const auto port = std::uniform_int_distribution<std::uint16_t>(10'000, 32'000)(*engine);
    if (given->contains(port)) continue;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (!is_free) continue;
    given->insert(port);
    return port;
  }
  CheckFailed(__FILE__, __LINE__, "no free port on 127.0.0.1");
}

}  // namespace holdfast::test
