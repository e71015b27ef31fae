// Tells when a file of a folder was replaced, written, removed or re-linked (inotify).
#pragma once

#include <string>

namespace holdfast::discovery {

// Not thread-safe. Misses what the kernel does not tell (network file systems, links that lead to
// other folders): look at the file from time to time as well.
class FolderWatch {
 public:
  explicit FolderWatch(std::string folder);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  int fd() const { return fd_; }  // readable when there is something to tell; -1: never

  // Reads what the kernel told. True if something may have changed.
  bool Changed();

  // Watches the folder if it does not yet: it may have been missing, or was replaced.
  void Arm();

 private:
  const std::string folder_;
  const int fd_;
  int watch_ = -1;
};

}  // namespace holdfast::discovery
