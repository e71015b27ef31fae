#include "libs/app/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace holdfast::app {
namespace {

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0, resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double EntriesOf(const char* folder) {
  DIR* dir = opendir(folder);
  if (dir == nullptr) return 0;
  double count = 0;
  while (const dirent* entry = readdir(dir)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(dir);
  return count;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double MaxOpenFiles() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

void ExportProcessMetrics(telemetry::Metrics& metrics, const Clock& clock) {
  metrics.Gauge("holdfast_process_start_time_seconds", "When this process started (epoch).")
      .Set(static_cast<double>(EpochMillis(clock.Now())) / 1000);
  metrics.GaugeFrom("holdfast_process_resident_memory_bytes", "Memory held in RAM.", ResidentBytes);
  metrics.GaugeFrom("holdfast_process_open_fds", "Open file descriptors.", [] {
    return EntriesOf("/proc/self/fd") - 1;  // without the one that reads the folder
  });
  metrics.GaugeFrom("holdfast_process_max_fds", "Limit of open file descriptors.", MaxOpenFiles);
  metrics.GaugeFrom("holdfast_process_threads", "Threads.",
                    [] { return EntriesOf("/proc/self/task"); });
  metrics.CounterFrom("holdfast_process_cpu_seconds_total", "Processor time used.", CpuSeconds);
}

}  // namespace holdfast::app
