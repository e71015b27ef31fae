// Films that are rented one by one: what billing offers, what an account has rented, and what
// follows for one film. Everything is known beforehand: nobody is asked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/base/clock.h"
#include "libs/base/money.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/domain/ids.h"
#include "services/middleware/domain/vod.h"

namespace holdfast::middleware {

// A package whose films are rented one by one.
struct RentalOffer {
  PackageId package;
  std::string name;
  std::int64_t seconds = 0;   // how long a rental lasts
  std::vector<Money> prices;  // of one film, one per currency

  const Money* PriceIn(std::string_view currency) const;  // null: not rented in it
};

// Immutable; replaced as a whole. Thread-safe.
class RentalOffers {
 public:
  RentalOffers() = default;
  RentalOffers(std::vector<RentalOffer> offers, std::uint64_t revision);

  const RentalOffer* Find(const PackageId& package) const;  // null: not rented singly
  bool empty() const { return offers_.empty(); }
  std::uint64_t revision() const { return revision_; }

 private:
  absl::flat_hash_map<std::string, RentalOffer> offers_;
  std::uint64_t revision_ = 0;
};

// What a title is called where it is rented: "film-5". A series is rented whole.
std::string RentalItemOf(std::int64_t title);
std::optional<std::int64_t> TitleOfRentalItem(std::string_view item);

enum class FilmAccess {
  kHidden,   // in a package that the account does not have
  kOpen,     // for everybody, or in one of its packages
  kRented,   // until `until`
  kForRent,  // for `price`
};

// Its pointers live as long as the FilmRights that it came from.
struct FilmRight {
  FilmAccess access = FilmAccess::kHidden;
  std::int64_t until = 0;              // epoch seconds; kRented
  const RentalOffer* offer = nullptr;  // where it is rented singly; null otherwise
  const Money* price = nullptr;        // in the account's currency, if there is one

  bool seen() const { return access != FilmAccess::kHidden; }
  bool plays() const { return access == FilmAccess::kOpen || access == FilmAccess::kRented; }
};

// What one account may do with films, for the length of one request. `entitlement` must outlive it.
class FilmRights {
 public:
  FilmRights(const Entitlement& entitlement, std::shared_ptr<const RentalOffers> offers,
             WallTime now)
      : entitlement_(entitlement), offers_(std::move(offers)), now_(EpochSeconds(now)) {}

  FilmRight Of(const VodTitle& title) const;

  bool blocked() const { return entitlement_.blocked(); }
  // Of the account; empty: it is not charged by us, and rents nothing.
  const std::string& currency() const { return entitlement_.currency; }
  // Tells apart accounts that are not shown the same films at the same prices: packages, currency,
  // offers, and which films are rented.
  std::string key() const;

 private:
  const Entitlement& entitlement_;
  const std::shared_ptr<const RentalOffers> offers_;
  const std::int64_t now_;
};

// Whether it may be rented for all we know: what the account has rented was never told by billing,
// to anybody here. Unknown is not unpaid; nor is it a right.
bool IsUnknown(const FilmRight& right, Source source);

// May it be played now? A rental runs until its end; the rest needs paid time.
Verdict MayPlay(const Entitlement& entitlement, const FilmRight& right, WallTime now);

// Pointers into the catalogue: what the query asks for and the account is shown.
std::vector<const VodTitle*> ChooseTitles(const Catalogue& catalogue, const VodQuery& query,
                                          const FilmRights& rights);

}  // namespace holdfast::middleware
