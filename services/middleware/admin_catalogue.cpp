// Operators' REST: films and series with their categories, radio stations.
#include <algorithm>
#include <optional>
#include <utility>

#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/base/status.h"
#include "services/middleware/admin_resources.h"

namespace holdfast::middleware {
namespace {

const std::string kTopic = "catalogue";

// What the three kinds of items differ in.
struct CategoryKind {
  using Item = v1::VodCategory;
  using Request = v1::PutVodCategoryRequest;
  static constexpr const char* kIdField = "category_id";
  static constexpr char kPrefix = 'c';
  static constexpr auto kPut = &Service::PutVodCategory;
  static bool Is(const v1::CatalogueItem& item) { return item.has_category(); }
  static const Item& In(const v1::CatalogueItem& item) { return item.category(); }
  static std::int64_t IdOf(const Item& item) { return item.category_id(); }
  static void SetId(Item& item, std::int64_t id) { item.set_category_id(id); }
  static Item& Of(Request& request) { return *request.mutable_category(); }
  static void Name(v1::RemoveFromCatalogueRequest& request, std::int64_t id) {
    request.set_category_id(id);
  }
  static bool Wanted(const AdminCall&, const Item&) { return true; }
};

struct TitleKind {
  using Item = v1::VodTitle;
  using Request = v1::PutVodTitleRequest;
  static constexpr const char* kIdField = "title_id";
  static constexpr char kPrefix = 't';
  static constexpr auto kPut = &Service::PutVodTitle;
  static bool Is(const v1::CatalogueItem& item) { return item.has_title(); }
  static const Item& In(const v1::CatalogueItem& item) { return item.title(); }
  static std::int64_t IdOf(const Item& item) { return item.title_id(); }
  static void SetId(Item& item, std::int64_t id) { item.set_title_id(id); }
  static Item& Of(Request& request) { return *request.mutable_title(); }
  static void Name(v1::RemoveFromCatalogueRequest& request, std::int64_t id) {
    request.set_title_id(id);
  }
  static bool Wanted(const AdminCall& call, const Item& item) {
    const std::string_view category = call.Get("category");
    return category.empty() || std::to_string(item.category_id()) == category;
  }
};

struct StationKind {
  using Item = v1::RadioStation;
  using Request = v1::PutRadioStationRequest;
  static constexpr const char* kIdField = "radio_id";
  static constexpr char kPrefix = 'r';
  static constexpr auto kPut = &Service::PutRadioStation;
  static bool Is(const v1::CatalogueItem& item) { return item.has_radio(); }
  static const Item& In(const v1::CatalogueItem& item) { return item.radio(); }
  static std::int64_t IdOf(const Item& item) { return item.radio_id(); }
  static void SetId(Item& item, std::int64_t id) { item.set_radio_id(id); }
  static Item& Of(Request& request) { return *request.mutable_station(); }
  static void Name(v1::RemoveFromCatalogueRequest& request, std::int64_t id) {
    request.set_radio_id(id);
  }
  static bool Wanted(const AdminCall&, const Item&) { return true; }
};

template <class Kind>
http::Response Unknown() {
  return FieldProblem(404, "unknown", Kind::kIdField, "there is no such thing in the catalogue");
}

}  // namespace

template <class Kind>
http::Response AdminResources::ListItems(const AdminCall& call) {
  const std::optional<int> limit = LimitOf(call);
  if (!limit) return BadLimit();
  const std::optional<Cursor> after = ParseCursor(call.Get("cursor"));
  if (!after) return BadCursor();
  const auto stored = store_.ItemsSince(call.deadline, kTopic, 0);
  if (!stored.ok()) return ProblemOf(stored.status(), *Kind::Item::descriptor());
  std::vector<typename Kind::Item> items;
  for (const StoredItem& row : *stored) {
    v1::CatalogueItem item;
    if (!row.content || !item.ParseFromString(*row.content) || !Kind::Is(item)) continue;
    if (Kind::Wanted(call, Kind::In(item)) && Kind::IdOf(Kind::In(item)) > after->major) {
      items.push_back(Kind::In(item));
    }
  }
  std::sort(items.begin(), items.end(),
            [](const auto& a, const auto& b) { return Kind::IdOf(a) < Kind::IdOf(b); });
  PageWriter writer;
  const std::size_t shown = std::min(items.size(), static_cast<std::size_t>(*limit));
  for (std::size_t i = 0; i < shown; ++i) writer.Add(items[i]);
  return JsonAnswer(
      call, writer.Finish(shown < items.size()
                              ? std::optional(ToText(Cursor{Kind::IdOf(items[shown - 1]), 0}))
                              : std::nullopt));
}

template <class Kind>
absl::StatusOr<typename Kind::Item> AdminResources::FindItem(const AdminCall& call,
                                                             std::int64_t id) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto stored, store_.ItemsSince(call.deadline, kTopic, 0));
  const std::string key = Kind::kPrefix + std::to_string(id);
  for (const StoredItem& row : stored) {
    v1::CatalogueItem item;
    if (row.key == key && row.content && item.ParseFromString(*row.content)) return Kind::In(item);
  }
  return NotFound("{} {} is unknown", Kind::kIdField, id);
}

template <class Kind>
http::Response AdminResources::ShowItem(const AdminCall& call) {
  const auto item = FindItem<Kind>(call, call.id());
  return item.ok() ? Shown(call, *item) : ProblemOf(item.status(), *Kind::Item::descriptor());
}

template <class Kind>
http::Response AdminResources::PutItem(const AdminCall& call, std::int64_t id) {
  typename Kind::Request request;
  typename Kind::Item& item = Kind::Of(request);
  const absl::Status read = ReadBody(call.body, item);
  if (!read.ok()) return ProblemOf(read, *Kind::Request::descriptor());
  if (Kind::IdOf(item) != 0 && Kind::IdOf(item) != id) {
    return FieldProblem(400, "invalid", Kind::kIdField,
                        "the id is given by the server, or by the address");
  }
  if (id != 0) {
    const auto before = FindItem<Kind>(call, id);
    if (!before.ok()) return ProblemOf(before.status(), *Kind::Item::descriptor());
  }
  Kind::SetId(item, id);
  if (id == 0) request.set_idempotency_key("rest " + call.who.name + " " + call.idempotency_key);
  return DoAndShow(call, Kind::kPut, request, id == 0 ? 201 : 200);
}

template <class Kind>
http::Response AdminResources::RemoveItem(const AdminCall& call) {
  const auto before = FindItem<Kind>(call, call.id());
  if (!before.ok()) return ProblemOf(before.status(), *Kind::Item::descriptor());
  v1::RemoveFromCatalogueRequest request;
  Kind::Name(request, call.id());
  const auto done = Do(call, &Service::RemoveFromCatalogue, request);
  return done.ok() ? NoContent() : ProblemOf(done.status(), *request.GetDescriptor());
}

#define HOLDFAST_ADMIN_ITEMS(Plural, Singular, Kind)                                              \
  http::Response AdminResources::Plural(const AdminCall& call) { return ListItems<Kind>(call); }  \
  http::Response AdminResources::Singular(const AdminCall& call) { return ShowItem<Kind>(call); } \
  http::Response AdminResources::Add##Singular(const AdminCall& call) {                           \
    return PutItem<Kind>(call, 0);                                                                \
  }                                                                                               \
  http::Response AdminResources::Put##Singular(const AdminCall& call) {                           \
    return call.id() == 0 ? Unknown<Kind>() : PutItem<Kind>(call, call.id());                     \
  }                                                                                               \
  http::Response AdminResources::Remove##Singular(const AdminCall& call) {                        \
    return RemoveItem<Kind>(call);                                                                \
  }

HOLDFAST_ADMIN_ITEMS(Categories, Category, CategoryKind)
HOLDFAST_ADMIN_ITEMS(Titles, Title, TitleKind)
HOLDFAST_ADMIN_ITEMS(Stations, Station, StationKind)

#undef HOLDFAST_ADMIN_ITEMS

}  // namespace holdfast::middleware
