// What stands behind the '?' of a spec: name=value&name=value.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/base/string_map.h"

namespace holdfast::discovery {

struct SplitSpec {
  std::string place;                      // before the '?'
  OrderedStringMap<std::string> options;  // no empty name, no empty value

  // "" if absent.
  std::string Option(std::string_view name) const;
};

// INVALID_ARGUMENT for an option that is not among `known`, given twice or without value. No
// escapes: values are paths, names and addresses.
absl::StatusOr<SplitSpec> ReadSpecOptions(std::string_view spec,
                                          std::span<const std::string_view> known);

}  // namespace holdfast::discovery
