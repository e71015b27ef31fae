// A login of an app that billing has confirmed: what lets the app in again without asking anybody.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "services/middleware/domain/ids.h"

namespace holdfast::middleware {

// One of each account. Holds neither login nor password, only what a keyed hash made of both.
struct AppLogin {
  AccountId account;
  std::string tag;               // 32 bytes; "": billing refused it since
  std::string key_id;            // of the key that made the tag
  std::int64_t first_at = 0;     // epoch seconds: when the account first came with an app
  std::int64_t verified_at = 0;  // when billing last told, yes or no
  std::uint64_t revision = 0;    // of the database row; 0: not stored yet

  bool refused() const { return tag.empty(); }

  friend bool operator==(const AppLogin&, const AppLogin&) = default;
};

// Of two records of one account: billing's later word counts, then the row that is stored.
inline bool Supersedes(const AppLogin& a, const AppLogin& b) {
  return std::tie(a.verified_at, a.revision) > std::tie(b.verified_at, b.revision);
}

}  // namespace holdfast::middleware
