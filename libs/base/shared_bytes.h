// Immutable bytes with several owners: caches keep the very bytes that will be sent.
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace holdfast {

using SharedBytes = std::shared_ptr<const std::string>;

inline SharedBytes MakeShared(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

}  // namespace holdfast
