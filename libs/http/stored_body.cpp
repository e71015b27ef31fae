#include "libs/http/stored_body.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "libs/base/check.h"

namespace holdfast::http {
namespace {

// Measured: below, one write with the head is cheaper than a second call to the kernel.
constexpr std::size_t kSmallestInFile = 32 * 1024;
constexpr rlim_t kMostFiles = 4096;

// An eighth of the descriptors: the others are for connections.
int FileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<int>(std::min(limit.rlim_cur / 8, kMostFiles));
}

std::atomic<int> files_in_use{0};

bool WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// -1: no descriptor or no memory for it, or a kernel that is told not to.
int MakeFile(std::string_view bytes) {
  static const int limit = FileLimit();
  if (files_in_use.fetch_add(1) < limit) {
    const int file = memfd_create("holdfast-body", MFD_CLOEXEC);
    if (file >= 0 && WriteAll(file, bytes)) return file;
    if (file >= 0) close(file);
  }
  files_in_use.fetch_sub(1);
  return -1;
}

}  // namespace

StoredBody::StoredBody(std::string bytes)
    : size_(bytes.size()), file_(size_ < kSmallestInFile ? -1 : MakeFile(bytes)) {
  if (file_ < 0) heap_ = std::move(bytes);
}

StoredBody::~StoredBody() {
  if (file_ < 0) return;
  close(file_);
  files_in_use.fetch_sub(1);
}

std::string StoredBody::Copy() const {
  if (file_ < 0) return heap_;
  std::string bytes(size_, '\0');
  for (std::size_t at = 0; at < size_;) {
    const ssize_t got = pread(file_, bytes.data() + at, size_ - at, static_cast<off_t>(at));
    HOLDFAST_CHECK(got > 0 || errno == EINTR);
    if (got > 0) at += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace holdfast::http
