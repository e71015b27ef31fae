#include "libs/replica/snapshot_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "libs/base/status.h"
#include "libs/replica/record.h"

namespace holdfast::replica {
namespace {

constexpr std::string_view kMagic = "HOLDFAST";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kHeaderBytes = 8 + 4 + 8 + 4;  // magic, format, length, CRC-32

std::uint32_t Crc32(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

class FileHandle {
 public:
  FileHandle(const std::string& path, int flags) : fd_(::open(path.c_str(), flags, 0600)) {}
  ~FileHandle() { Close(); }
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;

  int get() const { return fd_; }
  bool Close() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  const FileHandle file(path, O_RDONLY | O_CLOEXEC);
  if (file.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return NotFound("{}: no such file", path);
    return DataLoss("{}: {}", path, std::strerror(errno));
  }
  std::string bytes;
  std::string buffer(1 << 18, '\0');
  while (true) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return DataLoss("{}: {}", path, std::strerror(errno));
    if (n == 0) return bytes;
    bytes.append(buffer, 0, static_cast<std::size_t>(n));
  }
}

}  // namespace

absl::StatusOr<std::string> ReadSnapshot(const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(std::string bytes, ReadWhole(path));
  RecordReader header(std::string_view(bytes).substr(0, kHeaderBytes));
  const bool is_snapshot = header.Raw(kMagic.size()) == kMagic && header.U32() == kFormat;
  const std::uint64_t length = header.U64();
  const std::uint32_t checksum = header.U32();
  if (!header.Finished() || !is_snapshot) return DataLoss("{}: not a snapshot", path);
  bytes.erase(0, kHeaderBytes);
  if (bytes.size() != length) {
    return DataLoss("{}: {} bytes instead of {}", path, bytes.size(), length);
  }
  if (Crc32(bytes) != checksum) return DataLoss("{}: checksum differs", path);
  return bytes;
}

absl::Status WriteSnapshot(const std::string& path, std::string_view content) {
  RecordWriter header;
  header.Raw(kMagic);
  header.U32(kFormat);
  header.U64(content.size());
  header.U32(Crc32(content));

  const std::string beside = path + ".new";
  FileHandle file(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  const bool written = file.get() >= 0 && WriteAll(file.get(), header.bytes()) &&
                       WriteAll(file.get(), content) && ::fsync(file.get()) == 0 && file.Close();
  if (!written || std::rename(beside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(beside.c_str());
    return Unavailable("{}: {}", path, std::strerror(error));
  }
  // The rename itself must survive a power cut as well.
  const FileHandle folder(std::filesystem::path(path).parent_path().string() + "/.",
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) {
    return Unavailable("{}: folder: {}", path, std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::replica
