#include "libs/discovery/file_directory.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "libs/base/status.h"
#include "libs/discovery/folder_watch.h"
#include "libs/discovery/instance_text.h"
#include "libs/discovery/set_board.h"
#include "libs/discovery/wake_fd.h"
#include "libs/telemetry/log.h"

namespace holdfast::discovery {
namespace {

// A file that cannot be read as it is may be half written: it gets this long before anybody is
// told.
constexpr Duration kSettle = std::chrono::milliseconds(200);
constexpr std::size_t kMaxFile = 8 << 20;

// Never blocks on what only looks like a file (a pipe).
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return Unavailable("{}: {}", path, std::strerror(errno));
  std::string content;
  std::array<char, 64 * 1024> buffer;
  ssize_t size = 0;
  while ((size = ::read(file, buffer.data(), buffer.size())) > 0 && content.size() <= kMaxFile) {
    content.append(buffer.data(), static_cast<std::size_t>(size));
  }
  const int error = errno;
  ::close(file);
  if (size < 0) return Unavailable("{}: {}", path, std::strerror(error));
  if (content.size() > kMaxFile) return Unavailable("{}: longer than {} bytes", path, kMaxFile);
  return content;
}

class FileDirectory final : public Directory {
 public:
  FileDirectory(std::string path, const Options& options, const Clock& clock,
                telemetry::Metrics& metrics)
      : path_(std::move(path)),
        interval_(options.file_interval),
        refused_(metrics.Counter("holdfast_discovery_refused_files_total",
                                 "Lists in a file that could not be read and were not used.")),
        board_("file", options, clock, metrics),
        watch_(path_.substr(0, std::max<std::size_t>(path_.rfind('/'), 1))) {
    thread_ = std::thread([this] { Run(); });
    pthread_setname_np(thread_.native_handle(), "discovery-file");
  }

  ~FileDirectory() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    wake_.Wake();
    thread_.join();
  }

  std::unique_ptr<Watch> Subscribe(std::string_view service, Callback callback) override {
    SetBoard::Subscription subscription = board_.Subscribe(service, std::move(callback));
    if (subscription.first_of_service) {
      {
        absl::MutexLock lock(&mutex_);
        names_.emplace_back(service);
      }
      wake_.Wake();
    }
    return std::move(subscription.watch);
  }

  std::unique_ptr<Watch> Register(std::string_view, const Instance&) override { return nullptr; }
  std::string Describe() const override { return board_.Describe(); }

 private:
  void Run() {
    while (true) {
      const std::vector<std::string> names = Names();
      const SteadyTime now = SystemClock::Get().SteadyNow();
      if (now >= look_at_) Look(now);
      if (readable_) OfferAll(names);
      board_.Tick();
      if (Stopping()) return;
      Wait();
    }
  }

  void Wait() {
    const SteadyTime now = SystemClock::Get().SteadyNow();
    const Duration wait = std::max(std::min(board_.next_tick(), look_at_), now) - now;
    std::array<pollfd, 2> polled{{{wake_.fd(), POLLIN, 0}, {watch_.fd(), POLLIN, 0}}};
    const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    ::poll(polled.data(), polled.size(), static_cast<int>(std::max<std::int64_t>(wait_ms, 0)));
    wake_.Clear();
    if (watch_.Changed()) look_at_ = SteadyTime::min();
  }

  std::vector<std::string> Names() const {
    absl::MutexLock lock(&mutex_);
    return names_;
  }
  bool Stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  void Look(SteadyTime now) {
    look_at_ = now + interval_;
    watch_.Arm();
    absl::StatusOr<std::string> content = ReadFile(path_);
    if (content.ok() && readable_ && *content == content_) {
      confirmed_ = true;
      return Settled();
    }
    absl::StatusOr<StringMap<InstanceSet>> lists = absl::UnknownError("");
    lists = content.ok() ? ParseInstanceLists(*content) : content.status();
    if (lists.ok()) {
      content_ = *std::move(content);
      lists_ = *std::move(lists);
      readable_ = true;
      offered_.clear();
      return Settled();
    }
    if (!unusable_since_) unusable_since_ = now;
    if (now - *unusable_since_ < kSettle) {
      look_at_ = *unusable_since_ + kSettle;
    } else {
      Refuse(ToString(lists.status()));
    }
  }

  void Settled() {
    unusable_since_.reset();
    told_.clear();
    board_.BackendUp();
  }

  // Says each mistake once.
  void Refuse(const std::string& why) {
    const std::string reason = fmt::format("{} not used: {}", path_, why);
    board_.BackendDown(reason);
    if (std::exchange(told_, reason) == reason) return;
    refused_.Add();
    telemetry::Log(telemetry::Error, "list of instances refused, the one before stays in use",
                   {{"file", path_}, {"reason", why}});
  }

  void OfferAll(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (std::find(offered_.begin(), offered_.end(), name) == offered_.end()) {
        const InstanceSet* set = Find(lists_, name);
        board_.Offer(name, set == nullptr ? InstanceSet() : *set);
        offered_.push_back(name);
      } else if (confirmed_) {
        board_.Confirm(name);
      }
    }
    confirmed_ = false;
  }

  const std::string path_;
  const Duration interval_;
  const telemetry::Counter refused_;
  SetBoard board_;
  WakeFd wake_;

  // The thread's.
  FolderWatch watch_;
  SteadyTime look_at_ = SteadyTime::min();
  bool readable_ = false;   // content_ and lists_ are of a good file
  bool confirmed_ = false;  // the file was looked at and is the same
  std::string content_;
  StringMap<InstanceSet> lists_;
  std::vector<std::string> offered_;  // services that were told of lists_
  std::optional<SteadyTime> unusable_since_;
  std::string told_;  // the last reason that was logged

  mutable absl::Mutex mutex_;
  std::vector<std::string> names_ ABSL_GUARDED_BY(mutex_);  // services that are followed
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Directory>> OpenFileDirectory(std::string_view path,
                                                             const Options& options,
                                                             const Clock& clock,
                                                             telemetry::Metrics& metrics) {
  if (!path.starts_with('/') || path.ends_with('/')) {
    return InvalidArgument("file: '{}' is not an absolute path of a file", path);
  }
  return std::make_unique<FileDirectory>(std::string(path), options, clock, metrics);
}

}  // namespace holdfast::discovery
