#include "libs/testing/temp_dir.h"

#include <stdlib.h>

#include <system_error>

#include "libs/base/check.h"

namespace holdfast::test {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-test-XXXXXX").string();
  HOLDFAST_CHECK(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;  // a file that a dying server still writes is no reason to fail a test
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace holdfast::test
