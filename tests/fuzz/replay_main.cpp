// Runs a fuzz target over every file of a folder, and over every prefix of each.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void Replay(const std::string& input) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(input.data());
  constexpr std::size_t kAllPrefixesBelow = 4096;
  if (input.size() < kAllPrefixesBelow) {
    for (std::size_t size = 0; size < input.size(); ++size) LLVMFuzzerTestOneInput(bytes, size);
  }
  LLVMFuzzerTestOneInput(bytes, input.size());
}

}  // namespace

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      std::printf("%s\n", entry.path().c_str());
      std::fflush(stdout);  // the last line names the culprit of a crash
      Replay(std::string(std::istreambuf_iterator<char>(file), {}));
      ++files;
    }
  }
  std::printf("%d files\n", files);
  return files > 0 ? 0 : 1;
}
