#include "services/middleware/domain/rental.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"

namespace holdfast::middleware {
namespace {

constexpr std::string_view kItemPrefix = "film-";

}  // namespace

const Money* RentalOffer::PriceIn(std::string_view currency) const {
  const auto it = std::find_if(prices.begin(), prices.end(),
                               [&](const Money& price) { return price.currency() == currency; });
  return it == prices.end() ? nullptr : &*it;
}

RentalOffers::RentalOffers(std::vector<RentalOffer> offers, std::uint64_t revision)
    : revision_(revision) {
  for (RentalOffer& offer : offers) {
    std::string id = offer.package.value();
    offers_.insert_or_assign(std::move(id), std::move(offer));
  }
}

const RentalOffer* RentalOffers::Find(const PackageId& package) const {
  const auto it = offers_.find(package.value());
  return it == offers_.end() ? nullptr : &it->second;
}

std::string RentalItemOf(std::int64_t title) {
  return absl::StrCat(std::string(kItemPrefix), title);
}

std::optional<std::int64_t> TitleOfRentalItem(std::string_view item) {
  if (!item.starts_with(kItemPrefix)) return std::nullopt;
  item.remove_prefix(kItemPrefix.size());
  std::int64_t title = 0;
  const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), title);
  if (error != std::errc() || end != item.data() + item.size() || title <= 0) return std::nullopt;
  return title;
}

FilmRight FilmRights::Of(const VodTitle& title) const {
  FilmRight right;
  right.offer = title.package.value().empty() ? nullptr : offers_->Find(title.package);
  if (right.offer != nullptr && !currency().empty()) {
    right.price = right.offer->PriceIn(currency());
  }
  if (MaySee(title.package, entitlement_.packages)) {
    right.access = FilmAccess::kOpen;
    return right;
  }
  for (const RentedFilm& rented : entitlement_.rentals) {
    if (rented.title != title.id || rented.until <= now_) continue;
    right.access = FilmAccess::kRented;
    right.until = std::max(right.until, rented.until);
  }
  if (right.access == FilmAccess::kHidden && right.price != nullptr) {
    right.access = FilmAccess::kForRent;
  }
  return right;
}

std::string FilmRights::key() const {
  std::string key = entitlement_.packages.key();
  if (!offers_->empty()) absl::StrAppend(&key, "|", currency(), "|", offers_->revision());
  for (const RentedFilm& rented : entitlement_.rentals) {
    if (rented.until > now_) absl::StrAppend(&key, "|", rented.title);
  }
  return key;
}

bool IsUnknown(const FilmRight& right, Source source) {
  return !right.plays() && right.offer != nullptr && source != Source::kBilling;
}

Verdict MayPlay(const Entitlement& entitlement, const FilmRight& right, WallTime now) {
  if (entitlement.blocked()) return Verdict::kBlocked;
  if (!right.plays()) return Verdict::kNotInPackage;
  return right.access == FilmAccess::kRented ? Verdict::kAllowed : PaidFor(entitlement, now);
}

std::vector<const VodTitle*> ChooseTitles(const Catalogue& catalogue, const VodQuery& query,
                                          const FilmRights& rights) {
  std::vector<const VodTitle*> chosen = ChooseTitles(catalogue, query);
  std::erase_if(chosen, [&](const VodTitle* title) { return !rights.Of(*title).seen(); });
  return chosen;
}

}  // namespace holdfast::middleware
