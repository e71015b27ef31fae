#include "libs/storage/disk_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "libs/base/status.h"
#include "libs/storage/spool_segment.h"
#include "libs/telemetry/log.h"

namespace holdfast::storage {
namespace {

namespace fs = std::filesystem;

// A segment that has grown to this is closed. It is deleted when all of it has been delivered.
constexpr std::uint64_t kSegmentBytes = 4u << 20;
constexpr char kSuffix[] = ".segment";

absl::Status DiskError(std::string_view doing, const std::string& path) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT;
  return MakeStatus(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal,
                    "spool: cannot {} {}: {}", doing, path, strerror(error));
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t size = write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno != EINTR) return DiskError("write", path);
    if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return absl::OkStatus();
}

// Makes names that were just created or removed survive a power cut.
void SyncDirectory(const std::string& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

struct Place {  // everything before it was delivered
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
};

}  // namespace

// Two sides that share little: appenders write at the end, the one drainer reads from `read_at`.
struct DiskSpool::Impl {
  Impl(const Options& o, telemetry::Metrics& metrics)
      : options(o),
        pending_gauge(
            metrics
                .GaugeFamily("holdfast_spool_pending", "Records that wait for delivery.", {"spool"})
                .With({o.name})),
        bytes_gauge(
            metrics.GaugeFamily("holdfast_spool_bytes", "Bytes that wait for delivery.", {"spool"})
                .With({o.name})),
        lost(metrics
                 .CounterFamily("holdfast_spool_lost_total",
                                "Records refused because the spool is full, and places of the "
                                "spool that the disk damaged.",
                                {"spool"})
                 .With({o.name})) {}

  ~Impl() {
    if (fd >= 0) close(fd);
    if (lock_fd >= 0) close(lock_fd);
  }

  const Options options;
  telemetry::Gauge pending_gauge;
  telemetry::Gauge bytes_gauge;
  telemetry::Counter lost;
  int lock_fd = -1;

  mutable absl::Mutex mutex;
  std::uint64_t records ABSL_GUARDED_BY(mutex) = 0;  // durable, not yet delivered
  std::uint64_t bytes ABSL_GUARDED_BY(mutex) = 0;    // of their frames
  std::map<std::uint64_t, std::uint64_t> segments ABSL_GUARDED_BY(mutex);  // number -> durable size

  // Group commit: appenders add to `gathered`; one of them writes for all.
  std::string gathered ABSL_GUARDED_BY(mutex);
  std::uint64_t gathered_records ABSL_GUARDED_BY(mutex) = 0;
  std::uint64_t next_batch ABSL_GUARDED_BY(mutex) = 1;  // the batch that `gathered` will be
  std::uint64_t done_batch ABSL_GUARDED_BY(mutex) = 0;
  std::map<std::uint64_t, std::pair<int, absl::Status>> failed ABSL_GUARDED_BY(mutex);
  bool writing ABSL_GUARDED_BY(mutex) = false;
  int fd = -1;  // of the newest segment; the writing appender's

  // The drainer's.
  Place read_at;
  std::uint64_t loaded_segment = 0;
  std::string loaded;

  std::string PathOf(std::uint64_t segment) const {
    return fmt::format("{}/{:020}{}", options.directory, segment, kSuffix);
  }
  std::string AckPath() const { return options.directory + "/delivered"; }

  // --- opening ---

  absl::Status Open() {
    std::error_code error;
    fs::create_directories(options.directory, error);
    const std::string lock_path = options.directory + "/lock";
    lock_fd = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd < 0) return DiskError("open", lock_path);
    if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
      return FailedPrecondition("spool {} is in use by another process", options.directory);
    }
    absl::MutexLock lock(&mutex);
    FindSegments();
    ReadAck();
    for (auto it = segments.begin(); it != segments.end(); ++it) {
      HOLDFAST_RETURN_IF_ERROR(Recover(it->first, it->second, std::next(it) == segments.end()));
    }
    HOLDFAST_RETURN_IF_ERROR(StartSegment(segments.empty() ? 1 : segments.rbegin()->first + 1));
    if (read_at.segment == 0) read_at = {segments.begin()->first, 0};
    SetGauges();
    return absl::OkStatus();
  }

  void FindSegments() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    for (const auto& entry : fs::directory_iterator(options.directory)) {
      const std::string name = entry.path().stem();
      std::uint64_t number = 0;
      if (entry.path().extension() != kSuffix) continue;
      if (std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc()) {
        segments[number] = entry.file_size();
      }
    }
  }

  // A missing or damaged note means: deliver from the oldest segment again.
  void ReadAck() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const std::string note = ReadFile(AckPath());
    FrameReader reader(note);
    std::string_view record;
    if (reader.Next(record) && record.size() == sizeof(Place)) {
      memcpy(&read_at, record.data(), sizeof(Place));
    }
    // Nothing before the place is of use any more.
    while (!segments.empty() && segments.begin()->first < read_at.segment) {
      fs::remove(PathOf(segments.begin()->first));
      segments.erase(segments.begin());
    }
    if (!segments.contains(read_at.segment)) read_at = {};
    if (read_at.segment == 0 && !segments.empty()) read_at = {segments.begin()->first, 0};
  }

  // Counts what waits in a segment and cuts off what a crash left unfinished.
  absl::Status Recover(std::uint64_t segment, std::uint64_t& size, bool newest)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const std::string content = ReadFile(PathOf(segment));
    const std::uint64_t start = segment == read_at.segment ? read_at.offset : 0;
    if (start > content.size()) return absl::OkStatus();
    FrameReader reader(content, start);
    std::string_view record;
    while (reader.Next(record)) {
      ++records;
      bytes += kFrameHeader + record.size();
    }
    size = content.size();
    if (newest && reader.position() < content.size()) {
      telemetry::Log(telemetry::Warning, "spool: cut off what a crash left unfinished",
                     {{"spool", options.name}, {"bytes", content.size() - reader.position()}});
      size = reader.position();
      if (truncate(PathOf(segment).c_str(), static_cast<off_t>(size)) != 0) {
        return DiskError("truncate", PathOf(segment));
      }
    }
    return absl::OkStatus();
  }

  absl::Status StartSegment(std::uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const std::string path = PathOf(number);
    const int next = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (next < 0) return DiskError("create", path);
    if (fd >= 0) close(fd);
    fd = next;
    segments[number] = 0;
    SyncDirectory(options.directory);
    return absl::OkStatus();
  }

  void SetGauges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    pending_gauge.Set(static_cast<double>(records));
    bytes_gauge.Set(static_cast<double>(bytes));
  }

  // --- appending ---

  absl::Status Append(std::string_view record) ABSL_LOCKS_EXCLUDED(mutex) {
    if (record.size() > kMaxRecord)
      return InvalidArgument("spool: a record of {} bytes", record.size());
    absl::MutexLock lock(&mutex);
    if (bytes + gathered.size() + kFrameHeader + record.size() > options.max_bytes) {
      lost.Add();
      return ResourceExhausted("spool {} is full ({} bytes)", options.name, bytes);
    }
    AppendFrame(gathered, record);
    ++gathered_records;
    const std::uint64_t batch = next_batch;
    if (!writing) WriteBatches(batch);
    const auto done = [this, batch]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
      return done_batch >= batch || !writing;
    };
    mutex.Await(absl::Condition(&done));
    if (done_batch < batch) WriteBatches(batch);  // the writer left before our batch
    return ResultOf(batch);
  }

  // Writes until `batch` is done. Gives the lock up while it writes.
  void WriteBatches(std::uint64_t batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    writing = true;
    while (done_batch < batch) {
      const std::string chunk = std::exchange(gathered, "");
      const std::uint64_t count = std::exchange(gathered_records, 0);
      ++next_batch;
      absl::Status status = Write(chunk);
      if (status.ok()) {
        records += count;
        bytes += chunk.size();
        segments.rbegin()->second += chunk.size();
        SetGauges();
      } else {
        failed[done_batch + 1] = {static_cast<int>(count), std::move(status)};
      }
      ++done_batch;
    }
    writing = false;
  }

  absl::Status Write(const std::string& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::uint64_t number = segments.rbegin()->first;
    std::uint64_t size = segments.rbegin()->second;
    if (size >= kSegmentBytes) {
      HOLDFAST_RETURN_IF_ERROR(StartSegment(++number));
      size = 0;
    }
    const std::string path = PathOf(number);
    mutex.Unlock();
    absl::Status status = WriteAll(fd, chunk, path);
    if (status.ok() && options.durability == Options::Durability::kFsync && fdatasync(fd) != 0) {
      status = DiskError("flush", path);
    }
    // What was not acknowledged must not be delivered: a caller told "failed" may try again.
    if (!status.ok()) (void)!ftruncate(fd, static_cast<off_t>(size));
    mutex.Lock();
    return status;
  }

  // Each appender of a failed batch asks once.
  absl::Status ResultOf(std::uint64_t batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const auto it = failed.find(batch);
    if (it == failed.end()) return absl::OkStatus();
    absl::Status status = it->second.second;
    if (--it->second.first == 0) failed.erase(it);
    return status;
  }

  // --- draining ---

  struct Taken {
    std::vector<std::string> records;
    std::uint64_t bytes = 0;
    std::uint64_t damaged = 0;
    Place next;
  };

  // Up to `limit` records from one segment: the place behind them says which.
  Taken Take(int limit) ABSL_LOCKS_EXCLUDED(mutex) {
    Taken taken;
    taken.next = read_at;
    while (taken.records.empty()) {
      std::uint64_t durable = 0;
      bool newest = false;
      {
        absl::MutexLock lock(&mutex);
        durable = segments.at(taken.next.segment);
        newest = taken.next.segment == segments.rbegin()->first;
      }
      Load(taken.next.segment, durable);
      FrameReader reader(loaded, taken.next.offset);
      std::string_view record;
      while (static_cast<int>(taken.records.size()) < limit && reader.Next(record)) {
        taken.records.emplace_back(record);
        taken.bytes += kFrameHeader + record.size();
      }
      taken.damaged += reader.damaged();
      taken.next.offset = reader.position();
      if (!taken.records.empty() || newest) break;
      if (reader.position() < loaded.size()) ++taken.damaged;
      absl::MutexLock lock(&mutex);
      taken.next = {segments.upper_bound(taken.next.segment)->first, 0};
    }
    return taken;
  }

  void Load(std::uint64_t segment, std::uint64_t durable) {
    if (loaded_segment == segment && loaded.size() == durable) return;
    loaded = ReadFile(PathOf(segment));
    loaded.resize(std::min<std::size_t>(loaded.size(), durable));
    loaded_segment = segment;
  }

  absl::StatusOr<int> Drain(
      int max_records,
      const std::function<absl::Status(const std::vector<std::string>&)>& deliver) {
    const Taken taken = Take(max_records);
    if (!taken.records.empty()) HOLDFAST_RETURN_IF_ERROR(deliver(taken.records));
    lost.Add(static_cast<double>(taken.damaged));
    Forget(taken);
    return static_cast<int>(taken.records.size());
  }

  void Forget(const Taken& taken) ABSL_LOCKS_EXCLUDED(mutex) {
    if (taken.next.segment == read_at.segment && taken.next.offset == read_at.offset) return;
    read_at = taken.next;
    WriteAck();
    absl::MutexLock lock(&mutex);
    records -= std::min<std::uint64_t>(records, taken.records.size());
    bytes -= std::min(bytes, taken.bytes);
    while (segments.begin()->first < read_at.segment) {
      unlink(PathOf(segments.begin()->first).c_str());
      segments.erase(segments.begin());
    }
    SetGauges();
  }

  // Without fsync: after a power cut an older note delivers some records twice, which is allowed.
  void WriteAck() {
    std::string note;
    AppendFrame(note, {reinterpret_cast<const char*>(&read_at), sizeof read_at});
    const std::string fresh = AckPath() + ".new";
    {
      std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
      file.write(note.data(), static_cast<std::streamsize>(note.size()));
      if (!file.flush()) return;
    }
    std::error_code ignored;
    fs::rename(fresh, AckPath(), ignored);
  }
};

absl::StatusOr<std::unique_ptr<DiskSpool>> DiskSpool::Open(const Options& options,
                                                           telemetry::Metrics& metrics) {
  auto impl = std::make_unique<Impl>(options, metrics);
  try {
    HOLDFAST_RETURN_IF_ERROR(impl->Open());
  } catch (const fs::filesystem_error& error) {
    return Internal("spool: {}", error.what());
  }
  return std::unique_ptr<DiskSpool>(new DiskSpool(std::move(impl)));
}

DiskSpool::DiskSpool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DiskSpool::~DiskSpool() = default;

absl::Status DiskSpool::Append(std::string_view record) { return impl_->Append(record); }

absl::StatusOr<int> DiskSpool::Drain(
    int max_records, const std::function<absl::Status(const std::vector<std::string>&)>& deliver) {
  return impl_->Drain(max_records, deliver);
}

std::uint64_t DiskSpool::pending_records() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->records;
}

std::uint64_t DiskSpool::pending_bytes() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->bytes;
}

}  // namespace holdfast::storage
