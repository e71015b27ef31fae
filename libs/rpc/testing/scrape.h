// Numbers on a page of metrics.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::rpc {

// Of the series, labels in braces and by name; -1 if it is not there.
inline double ValueOf(std::string_view page, const std::string& series) {
  const std::string line = "\n" + series + " ";
  const auto at = page.find(line);
  if (at == std::string_view::npos) return -1;
  return std::stod(std::string(page.substr(at + line.size(), 32)));
}

}  // namespace holdfast::rpc
