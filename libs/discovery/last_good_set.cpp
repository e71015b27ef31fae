#include "libs/discovery/last_good_set.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "libs/base/status.h"
#include "libs/discovery/instance_text.h"

namespace holdfast::discovery {
namespace {

constexpr std::string_view kMagic = "holdfast-instances 1 ";
constexpr std::uintmax_t kMaxFile = 16 << 20;

std::string PathOf(const std::string& folder, std::string_view service) {
  return fmt::format("{}/{}.instances", folder, service);
}

// FNV-1a: against torn writes and bad disks, not against people.
std::string Checksum(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return fmt::format("{:016x}", hash);
}

absl::Status WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Unavailable("write: {}", std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file) != 0) return Unavailable("fsync: {}", std::strerror(errno));
  return absl::OkStatus();
}

}  // namespace

absl::Status SaveLastGoodSet(const std::string& folder, std::string_view service,
                             const InstanceSet& set) {
  std::string body;
  for (const Instance& instance : set) body += instance.id + "\t" + ToText(instance) + "\n";
  const std::string content = fmt::format("{}{}\n{}", kMagic, Checksum(body), body);

  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  const std::string path = PathOf(folder, service);
  const std::string beside = fmt::format("{}.{}", path, ::getpid());
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return Unavailable("open {}: {}", beside, std::strerror(errno));
  absl::Status written = WriteAll(file, content);
  ::close(file);
  if (written.ok() && ::rename(beside.c_str(), path.c_str()) != 0) {
    written = Unavailable("rename to {}: {}", path, std::strerror(errno));
  }
  if (!written.ok()) ::unlink(beside.c_str());
  return written;
}

absl::StatusOr<InstanceSet> LoadLastGoodSet(const std::string& folder, std::string_view service) {
  const std::string path = PathOf(folder, service);
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return NotFound("{}: {}", path, error.message());
  if (size > kMaxFile) return DataLoss("{} is too large", path);
  std::ifstream file(path, std::ios::binary);
  std::stringstream buffer;
  buffer << file.rdbuf();
  const std::string content = buffer.str();

  absl::StatusOr<InstanceSet> set = ParseLastGoodSet(content);
  if (!set.ok()) return Annotate(set.status(), path);
  return set;
}

absl::StatusOr<InstanceSet> ParseLastGoodSet(const std::string& content) {
  const std::size_t head = content.find('\n');
  if (head == std::string::npos || content.compare(0, kMagic.size(), kMagic) != 0) {
    return DataLoss("not a file of instances");
  }
  const std::string body = content.substr(head + 1);
  if (content.substr(kMagic.size(), head - kMagic.size()) != Checksum(body)) {
    return DataLoss("damaged");
  }
  InstanceSet set;
  std::istringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) return DataLoss("a line without id");
    absl::StatusOr<Instance> instance = ParseInstance(line.substr(0, tab), line.substr(tab + 1));
    if (!instance.ok()) return DataLoss("{}", View(instance.status().message()));
    set.push_back(*std::move(instance));
  }
  return set;
}

}  // namespace holdfast::discovery
