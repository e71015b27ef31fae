#include "libs/discovery/spec_options.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "libs/base/status.h"

namespace holdfast::discovery {

std::string SplitSpec::Option(std::string_view name) const {
  const std::string* value = Find(options, name);
  return value == nullptr ? std::string() : *value;
}

absl::StatusOr<SplitSpec> ReadSpecOptions(std::string_view spec,
                                          std::span<const std::string_view> known) {
  SplitSpec split;
  const std::size_t mark = spec.find('?');
  split.place = std::string(spec.substr(0, mark));
  if (mark == std::string_view::npos) return split;
  const std::string_view rest = spec.substr(mark + 1);
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(rest.data(), rest.size()), '&')) {
    const std::string_view option = View(part);
    const std::size_t equals = option.find('=');
    const std::string_view name = option.substr(0, equals);
    if (equals == std::string_view::npos || equals + 1 == option.size() ||
        std::find(known.begin(), known.end(), name) == known.end()) {
      return InvalidArgument("discovery option '{}' is unknown or has no value", option);
    }
    if (!split.options.try_emplace(std::string(name), option.substr(equals + 1)).second) {
      return InvalidArgument("discovery option '{}' is given twice", name);
    }
  }
  return split;
}

}  // namespace holdfast::discovery
