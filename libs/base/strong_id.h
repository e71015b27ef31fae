// Identifiers that cannot be mixed up: an AccountId does not convert to a SubscriptionId.
//
//   using AccountId = StrongId<struct AccountIdTag>;
#pragma once

#include <compare>
#include <ostream>
#include <string>
#include <utility>

#include "absl/hash/hash.h"

namespace holdfast {

template <class Tag, class Value = std::string>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(Value value) : value_(std::move(value)) {}

  const Value& value() const { return value_; }

  friend auto operator<=>(const StrongId&, const StrongId&) = default;
  friend bool operator==(const StrongId&, const StrongId&) = default;

  template <class H>
  friend H AbslHashValue(H h, const StrongId& id) {
    return H::combine(std::move(h), id.value_);
  }

  friend std::ostream& operator<<(std::ostream& out, const StrongId& id) { return out << id.value_; }

 private:
  Value value_{};
};

}  // namespace holdfast
