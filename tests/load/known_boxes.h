// Makes boxes known to a platform, as an operator does who gets a delivery of them.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace holdfast::load {

struct KnownBoxes {
  std::string etcd_url;  // where the platform's services are found
  std::string tls_dir;   // with the operator's certificate
  std::string account_id;
  std::size_t first = 0, count = 0;  // numbers, see MacOf
};

// Several at a time, each tried again while middleware is full. Blocks. The first error of a box
// that could not be made known.
absl::Status Register(const KnownBoxes& boxes);

}  // namespace holdfast::load
