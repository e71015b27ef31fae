// What operators put into the catalogue of films, series and radio stations.
#include <utility>

#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/base/status.h"
#include "services/middleware/convert_catalogue.h"
#include "services/middleware/service.h"

namespace holdfast::middleware {
namespace {

const std::string kTopic = "catalogue";

absl::Status CheckKey(const std::string& key) {
  if (key.empty() || key.size() > 200) {
    return InvalidArgument("idempotency_key has not from 1 to 200 characters");
  }
  return absl::OkStatus();
}

// Stores `item` under its id, or under a new one that `set_id` gives it.
template <class Message>
absl::StatusOr<Message> Put(Store& store, const rpc::Call& call, const std::string& key,
                            std::string_view kind, Message item,
                            const std::function<void(Message&, std::int64_t)>& set_id,
                            std::int64_t id, Message* (v1::CatalogueItem::*part)()) {
  HOLDFAST_RETURN_IF_ERROR(Check(item));
  if (id == 0) {
    HOLDFAST_RETURN_IF_ERROR(CheckKey(key));
    // The key decides the id; the item itself then stands under the id.
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::string given,
        store.AddItem(call.deadline(), "catalogue_id", std::string(kind) + key,
                      [](std::int64_t next) { return std::to_string(next); }));
    id = std::stoll(given);
  }
  set_id(item, id);
  v1::CatalogueItem stored;
  *(stored.*part)() = item;
  HOLDFAST_RETURN_IF_ERROR(store.PutItems(
      call.deadline(), kTopic,
      {{.key = std::string(kind) + std::to_string(id), .content = stored.SerializeAsString()}}));
  return item;
}

}  // namespace

absl::StatusOr<v1::VodCategory> Service::PutVodCategory(const rpc::Call& call,
                                                        const v1::PutVodCategoryRequest& request) {
  return Put<v1::VodCategory>(
      store_, call, request.idempotency_key(), "c", request.category(),
      [](v1::VodCategory& c, std::int64_t id) { c.set_category_id(id); },
      request.category().category_id(), &v1::CatalogueItem::mutable_category);
}

absl::StatusOr<v1::VodTitle> Service::PutVodTitle(const rpc::Call& call,
                                                  const v1::PutVodTitleRequest& request) {
  v1::VodTitle title = request.title();
  if (title.added_at() == 0) title.set_added_at(EpochSeconds(clock_.Now()));
  return Put<v1::VodTitle>(
      store_, call, request.idempotency_key(), "t", std::move(title),
      [](v1::VodTitle& t, std::int64_t id) { t.set_title_id(id); }, request.title().title_id(),
      &v1::CatalogueItem::mutable_title);
}

absl::StatusOr<v1::RadioStation> Service::PutRadioStation(
    const rpc::Call& call, const v1::PutRadioStationRequest& request) {
  v1::RadioStation station = request.station();
  station.set_down(false);
  if (station.radio_id() > 0) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto held,
        store_.FindItem(call.deadline(), kTopic, "r" + std::to_string(station.radio_id())));
    v1::CatalogueItem item;
    if (held && item.ParseFromString(*held)) station.set_down(item.radio().down());
  }
  return Put<v1::RadioStation>(
      store_, call, request.idempotency_key(), "r", std::move(station),
      [](v1::RadioStation& r, std::int64_t id) { r.set_radio_id(id); },
      request.station().radio_id(), &v1::CatalogueItem::mutable_radio);
}

absl::StatusOr<v1::RemoveFromCatalogueResponse> Service::RemoveFromCatalogue(
    const rpc::Call& call, const v1::RemoveFromCatalogueRequest& request) {
  std::string key;
  switch (request.what_case()) {
    case v1::RemoveFromCatalogueRequest::kCategoryId:
      key = "c" + std::to_string(request.category_id());
      break;
    case v1::RemoveFromCatalogueRequest::kTitleId:
      key = "t" + std::to_string(request.title_id());
      break;
    case v1::RemoveFromCatalogueRequest::kRadioId:
      key = "r" + std::to_string(request.radio_id());
      break;
    case v1::RemoveFromCatalogueRequest::WHAT_NOT_SET:
      return InvalidArgument("nothing is named that should be removed");
  }
  HOLDFAST_RETURN_IF_ERROR(store_.PutItems(call.deadline(), kTopic, {{.key = key, .content = {}}}));
  return v1::RemoveFromCatalogueResponse();
}

absl::StatusOr<v1::Catalogue> Service::GetCatalogue(const rpc::Call&,
                                                    const v1::GetCatalogueRequest&) {
  return models_.CatalogueAsStored();
}

}  // namespace holdfast::middleware
