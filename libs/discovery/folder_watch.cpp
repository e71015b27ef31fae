#include "libs/discovery/folder_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace holdfast::discovery {
namespace {

// Not IN_MODIFY: a file that is being written is not worth reading. A link is complete when it is
// created; an ordinary file is closed later.
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                  IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kFolderGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED;

}  // namespace

FolderWatch::FolderWatch(std::string folder)
    : folder_(std::move(folder)), fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  Arm();
}

FolderWatch::~FolderWatch() {
  if (fd_ >= 0) ::close(fd_);
}

void FolderWatch::Arm() {
  if (watch_ < 0 && fd_ >= 0) watch_ = ::inotify_add_watch(fd_, folder_.c_str(), kEvents);
}

bool FolderWatch::Changed() {
  bool changed = false;
  alignas(inotify_event) char buffer[16 * 1024];
  while (true) {
    const ssize_t size = ::read(fd_, buffer, sizeof buffer);
    if (size <= 0) break;
    changed = true;
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof event);
      if (event.wd == watch_ && (event.mask & kFolderGone) != 0) {
        if ((event.mask & IN_IGNORED) == 0) ::inotify_rm_watch(fd_, watch_);
        watch_ = -1;
      }
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  Arm();
  return changed;
}

}  // namespace holdfast::discovery
