#include "libs/security/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "libs/base/random.h"
#include "libs/base/status.h"

namespace holdfast::security {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;

class FileHandle {
 public:
  explicit FileHandle(int fd) : fd_(fd) {}
  ~FileHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Unavailable("write: {}", std::strerror(errno));
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return Unavailable("fsync: {}", std::strerror(errno));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return NotFound("{}: no such file", path);
    return PermissionDenied("{}: {}", path, std::strerror(errno));
  }
  std::string content;
  char buffer[4096];
  while (true) {
    const ssize_t n = ::read(file.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Unavailable("{}: {}", path, std::strerror(errno));
    if (n == 0) return content;
    content.append(buffer, static_cast<std::size_t>(n));
    if (content.size() > kMaxBytes) return InvalidArgument("{}: larger than 1 MiB", path);
  }
}

absl::StatusOr<std::string> ReadTrimmedSecret(const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string content, ReadSecretFile(path));
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = content.find_first_not_of(kSpace);
  if (first == std::string::npos) return std::string();
  return content.substr(first, content.find_last_not_of(kSpace) - first + 1);
}

absl::Status WriteSecretFile(const std::string& path, std::string_view content, FileAccess access) {
  const mode_t mode = access == FileAccess::kOwnerOnly ? 0600 : 0644;
  const std::string beside = path + "." + SecureHex(4) + ".tmp";
  {
    const FileHandle file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.get() < 0) return Unavailable("{}: {}", beside, std::strerror(errno));
    absl::Status written = WriteAll(file.get(), content);
    // The mode of open() is cut by the umask; a certificate must stay readable.
    if (written.ok() && ::fchmod(file.get(), mode) != 0) {
      written = Unavailable("chmod: {}", std::strerror(errno));
    }
    if (!written.ok()) {
      ::unlink(beside.c_str());
      return Annotate(written, path);
    }
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(beside.c_str());
    return Unavailable("{}: rename: {}", path, std::strerror(error));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::security
