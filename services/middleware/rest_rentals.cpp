#include "services/middleware/rest_rentals.h"

#include <chrono>
#include <utility>

#include "libs/base/encoding.h"
#include "libs/base/random.h"
#include "libs/security/hmac.h"
#include "services/middleware/billing_office.h"
#include "services/middleware/billing_words.h"
#include "services/middleware/rest_films.h"
#include "services/middleware/rest_pages.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kRentTimeout = 8s;
constexpr std::size_t kLongestKey = 128;
constexpr std::int64_t kMostMinorUnits = 1'000'000'000'000;

// Of the device and its key, so that nobody's key meets another's. Billing then answers a
// repetition as the first time, whichever instance is asked.
std::string KeyFor(const RestCall& call) {
  if (call.idempotency_key.empty()) return "app-" + SecureHex(12);
  static const security::HmacKey key("holdfast rental");
  const auto tag = key.Sign(call.device->mac + "\n" + call.idempotency_key);
  return "app-" + ToHex(std::string_view(reinterpret_cast<const char*>(tag.data()), 16));
}

// {"price":{"minor_units":300,"currency":"EUR"}}
std::optional<Money> PriceIn(const std::string& body) {
  const auto object = ParseObject(body);
  if (!object) return std::nullopt;
  const auto price = object->FindMember("price");
  if (price == object->MemberEnd() || !price->value.IsObject()) return std::nullopt;
  const auto units = price->value.FindMember("minor_units");
  if (units == price->value.MemberEnd() || !units->value.IsInt64()) return std::nullopt;
  const std::int64_t amount = units->value.GetInt64();
  if (amount < 0 || amount > kMostMinorUnits) return std::nullopt;
  auto money = Money::Make(amount, TextIn(price->value, "currency"));
  if (!money.ok()) return std::nullopt;
  return *std::move(money);
}

http::Response Refused(const absl::Status& status) {
  const auto reason = RefusalOf(status);
  if (!reason) return Problem(409, "not-possible", "the film cannot be rented");
  const std::string_view sentence = SentenceOf(*reason);
  switch (*reason) {
    case billing::v1::INSUFFICIENT_FUNDS:
      return Problem(402, "insufficient-funds", sentence);
    case billing::v1::PRICE_CHANGED:
      return Problem(409, "price-changed", sentence);
    case billing::v1::KEY_REUSED:
      return FieldProblem(409, "idempotency-key-reused", "Idempotency-Key",
                          "the key was used for another request");
    default:
      return Problem(403, "refused", sentence);
  }
}

std::string RentalText(const FilmRight& right, bool already_rented) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  AppendRental(json.Key("rental"), right);
  json.Field("already_rented", already_rented).EndObject();
  return text;
}

}  // namespace

void AppendRental(JsonWriter& json, const FilmRight& right) {
  const bool rented = right.access == FilmAccess::kRented;
  if (!rented && right.access != FilmAccess::kForRent) {
    json.Null();
    return;
  }
  json.BeginObject().Key("price");
  if (right.price != nullptr) {
    json.BeginObject().Field("minor_units", right.price->minor_units());
    json.Field("currency", right.price->currency()).EndObject();
  } else {
    json.Null();
  }
  json.Key("seconds");
  if (right.offer != nullptr) {
    json.Int(right.offer->seconds);
  } else {
    json.Null();
  }
  json.Key("until");
  if (rented) {
    json.String(Rfc3339(right.until));
  } else {
    json.Null();
  }
  json.EndObject();
}

http::Response RestFilms::Rent(const RestCall& call) {
  if (call.idempotency_key.size() > kLongestKey) {
    return FieldProblem(400, "bad-idempotency-key", "Idempotency-Key",
                        "Idempotency-Key has more than 128 characters");
  }
  const std::optional<Money> price = PriceIn(call.body);
  if (!price) {
    return FieldProblem(400, "bad-price", "price",
                        "price is not {minor_units, currency}: what the viewer agreed to");
  }
  const RestProfiles::Person person = parts_.profiles.PersonOf(call);
  if (person.problem) return *person.problem;
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title =
      Visible(call, person, *catalogue, ParseChannelId(call.parts.at(0)).value());
  if (title == nullptr) return Problem(404, "unknown-film", "there is no such film");
  const FilmRights rights = RightsOf(call);
  FilmRight right = rights.Of(*title);
  if (right.access == FilmAccess::kOpen) {
    return Problem(409, "not-for-rent", "the film is the account's without renting it");
  }
  if (auto locked = title->adult ? parts_.parental.Demand(call) : std::nullopt) {
    return *std::move(locked);
  }
  const bool known = right.access == FilmAccess::kRented && call.idempotency_key.empty();
  if (known) return FreshJson(RentalText(right, /*already_rented=*/true));
  const auto rented = parts_.rentals.Rent({.account = call.account(),
                                           .title = title->id,
                                           .name = title->name,
                                           .package = title->package,
                                           .price = *price,
                                           .key = KeyFor(call),
                                           .person = PersonOf("viewer", call.device->mac)},
                                          Deadline::After(kRentTimeout));
  if (!rented.ok()) {
    const bool away = absl::IsUnavailable(rented.status()) ||
                      absl::IsDeadlineExceeded(rented.status()) ||
                      absl::IsResourceExhausted(rented.status());
    if (!away) return Refused(rented.status());
    // What runs is told from memory, whatever became of the question.
    if (right.access == FilmAccess::kRented) {
      return FreshJson(RentalText(right, /*already_rented=*/true));
    }
    http::Response answer = TryAgain("the provider's billing cannot be reached at the moment");
    MarkDegraded(answer, {Degradation{Neighbour::kBilling, {}}}, "rest", parts_.metrics);
    return answer;
  }
  right.access = FilmAccess::kRented;
  right.until = rented->until;
  return FreshJson(RentalText(right, rented->already_rented));
}

}  // namespace holdfast::middleware
