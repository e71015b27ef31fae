// The copy of a read model on disk: the file as it lies there, and its content as if the checksum
// were right. It loads as a whole or not at all.
#include <google/protobuf/wrappers.pb.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "libs/replica/replica.h"
#include "libs/replica/snapshot_file.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::replica {
namespace {

using Model = Replica<google::protobuf::StringValue>;

void CheckLoad(const std::string& file) {
  test::FakeClock clock;
  telemetry::Metrics metrics;
  Model model({.name = "model", .file = file}, clock, metrics);
  const absl::Status status = model.LoadFromDisk();
  HOLDFAST_CHECK(status.ok() == model.loaded());
  if (!status.ok()) HOLDFAST_CHECK(model.Current()->items.empty());
  HOLDFAST_CHECK(model.age() >= std::chrono::seconds(0));
}

void CheckFile(std::string_view bytes) {
  static const test::TempDir folder;
  const std::string raw = folder.File("raw");
  std::ofstream(raw, std::ios::binary | std::ios::trunc).write(bytes.data(), bytes.size());
  CheckLoad(raw);

  const std::string framed = folder.File("framed");
  HOLDFAST_CHECK(WriteSnapshot(framed, bytes).ok());
  HOLDFAST_CHECK(ReadSnapshot(framed).value() == bytes);
  CheckLoad(framed);
}

}  // namespace
}  // namespace holdfast::replica

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::replica::CheckFile({reinterpret_cast<const char*>(data), size});
  return 0;
}
