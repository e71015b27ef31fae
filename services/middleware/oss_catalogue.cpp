#include "services/middleware/oss_catalogue.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "holdfast/epg/v1/epg.pb.h"
#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/base/time_zone.h"
#include "libs/security/hmac.h"
#include "services/middleware/domain/lineup_edit.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/vod_rows.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
namespace bv1 = billing::v1;

constexpr auto kGuideTimeout = 4s;

bool Asked(const OssCall& call, std::string_view id) {
  return call.ids.empty() || std::find(call.ids.begin(), call.ids.end(), id) != call.ids.end();
}

// What a package opens: channels, else films, else stations.
struct Services {
  std::string type;
  std::vector<std::pair<std::string, std::string>> ids_and_names;
};

bool Opens(const std::vector<std::string>& packages, std::string_view package) {
  return std::find(packages.begin(), packages.end(), package) != packages.end();
}

Services ServicesOf(const std::vector<std::string>& packages, const ReadModels& models) {
  Services services{.type = "tv"};
  const auto lineup = models.lineup();
  for (const Channel& channel : lineup->channels()) {
    if (!Opens(packages, channel.package.value())) continue;
    services.ids_and_names.emplace_back(std::to_string(channel.id.value()), channel.name);
  }
  if (!services.ids_and_names.empty()) return services;
  const v1::Catalogue catalogue = models.CatalogueAsStored();
  for (const v1::VodTitle& title : catalogue.titles()) {
    if (!Opens(packages, title.package_id())) continue;
    services.type = "video";
    services.ids_and_names.emplace_back(std::to_string(title.title_id()), title.name());
  }
  if (!services.ids_and_names.empty()) return services;
  for (const v1::RadioStation& station : catalogue.stations()) {
    if (!Opens(packages, station.package_id())) continue;
    services.type = "radio";
    services.ids_and_names.emplace_back(std::to_string(station.radio_id()), station.name());
  }
  return services;
}

std::string PriceOf(const Offer& offer) {
  return offer.price.empty() ? "0" : offer.price.substr(0, offer.price.find(' '));
}

void AppendOffer(JsonWriter& json, const Offer& offer, std::string_view type) {
  json.Field("id", offer.id).Field("external_id", offer.id).Field("name", offer.name);
  json.Field("description", "").Field("type", type).Field("all_services", "0");
  const bool single = offer.rental_seconds > 0;
  json.Field("service_type", single ? "single" : "periodic");
  json.Field("rent_duration", std::to_string(RentHours(offer.rental_seconds)));
  json.Field("price", PriceOf(offer));
}

// The group that the call names by id or title. A new title makes a group: it is planned, and is
// among the stored ones from now on.
absl::StatusOr<LineupImport> UseGenre(const OssCall& call, StoredLineup& stored, Channel& wanted) {
  std::string title(call.Get("genre").empty() ? "Other" : call.Get("genre"));
  for (const Genre& known : stored.genres) {
    if (call.form.Int("tv_genre_id", 0) == known.id.value()) title = known.title;
  }
  for (const Genre& known : stored.genres) {
    if (known.title == title) wanted.genre = known.id;
  }
  wanted.adult = wanted.adult || title == kAdultTitle;
  // Where adult channels go is for PlanPutChannel to say.
  if (wanted.adult || wanted.genre.value() != 0) return LineupImport();
  HOLDFAST_ASSIGN_OR_RETURN(LineupImport plan, PlanPutGenre(stored, {GenreId(0), title}));
  stored.genres.push_back(plan.put_genres.front());
  wanted.genre = plan.put_genres.front().id;
  return plan;
}

}  // namespace

absl::StatusOr<AccountSubscriptions> OssCatalogue::Sold(Deadline deadline) {
  AccountSubscriptions sold;
  HOLDFAST_ASSIGN_OR_RETURN(sold.plans, parts_.billing.Plans(deadline));
  HOLDFAST_ASSIGN_OR_RETURN(sold.packages, parts_.billing.Packages(deadline));
  return sold;
}

OssAnswer OssCatalogue::Tariffs(const OssCall& call) {
  if (call.action != OssAction::kGet) return NotSupported(call);
  HOLDFAST_ASSIGN_OR_RETURN(const AccountSubscriptions sold, Sold(call.deadline));
  std::string results;
  int found = 0;
  JsonWriter json(results);
  json.BeginArray();
  for (const bv1::TariffPlan& plan : sold.plans) {
    if (plan.add_on() || !Asked(call, plan.tariff_plan_id())) continue;
    ++found;
    json.BeginObject().Field("id", plan.tariff_plan_id());
    json.Field("external_id", plan.tariff_plan_id()).Field("name", plan.name());
    json.Field("user_default", "0").Key("packages").BeginArray();
    std::vector<Offer> offers = OffersOf(plan, sold);
    std::ranges::move(RentalsOf(sold), std::back_inserter(offers));
    for (const Offer& offer : offers) {
      json.BeginObject();
      AppendOffer(json, offer, ServicesOf(offer.packages, parts_.models).type);
      json.Field("optional", offer.optional ? "1" : "0").EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
  if (call.ids.size() != 1) return results;
  if (found == 0) return NotFound("Tariff plan not found");
  return results.substr(1, results.size() - 2);  // the object itself
}

OssAnswer OssCatalogue::Packages(const OssCall& call) {
  if (call.action != OssAction::kGet) return NotSupported(call);
  HOLDFAST_ASSIGN_OR_RETURN(const AccountSubscriptions sold, Sold(call.deadline));
  std::vector<Offer> offers;
  for (const bv1::Package& package : sold.packages) {
    if (package.service_type() == bv1::Package::SERVICE_TYPE_SINGLE) continue;
    offers.push_back(
        {.id = package.package_id(), .name = package.name(), .packages = {package.package_id()}});
  }
  std::ranges::move(RentalsOf(sold), std::back_inserter(offers));
  for (const bv1::TariffPlan& plan : sold.plans) {
    if (!plan.add_on()) continue;
    offers.push_back({.id = plan.tariff_plan_id(),
                      .name = plan.name(),
                      .optional = true,
                      .price = SpokenPrice(plan.price()),
                      .packages = {plan.package_ids().begin(), plan.package_ids().end()}});
  }
  std::string results;
  int found = 0;
  JsonWriter json(results);
  json.BeginArray();
  for (const Offer& offer : offers) {
    if (!Asked(call, offer.id)) continue;
    ++found;
    const Services services = ServicesOf(offer.packages, parts_.models);
    json.BeginObject();
    AppendOffer(json, offer, services.type);
    json.Key("services").BeginArray();
    for (const auto& [id, name] : services.ids_and_names) {
      json.BeginObject().Field("id", id).Field("name", name).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
  if (call.ids.size() != 1) return results;
  if (found == 0) return NotFound("Package not found");
  return results.substr(1, results.size() - 2);
}

OssAnswer OssCatalogue::AddChannel(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  if (call.Has("status") && call.Get("status") != "1") {
    return InvalidArgument("status is not 1: a channel that is not shown is not in the lineup");
  }
  HOLDFAST_ASSIGN_OR_RETURN(StoredLineup stored, parts_.store.LoadLineup(call.deadline));
  Channel wanted;
  wanted.name = call.Get("name");
  wanted.number =
      static_cast<int>(std::clamp<std::int64_t>(call.form.Int("number", 0), -1, 1'000'000));
  HOLDFAST_ASSIGN_OR_RETURN(wanted.directory,
                            ParseDirectory(call.Get(call.Has("url") ? "url" : "cmd")));
  wanted.guide_id = call.Get("xmltv_id");
  wanted.logo = call.Get("logo");
  wanted.package = PackageId(std::string(call.Has("package") ? call.Get("package") : "basic"));
  wanted.adult = call.Get("censored") == "1";
  wanted.hd = call.Get("hd") == "1";
  HOLDFAST_ASSIGN_OR_RETURN(const LineupImport group, UseGenre(call, stored, wanted));
  HOLDFAST_ASSIGN_OR_RETURN(LineupImport plan, PlanPutChannel(stored, std::move(wanted), call.now));
  plan.put_genres.insert(plan.put_genres.begin(), group.put_genres.begin(), group.put_genres.end());
  HOLDFAST_RETURN_IF_ERROR(parts_.store.Apply(call.deadline, plan));
  parts_.metrics.lineup_imports.Add();
  return "\"" + std::to_string(plan.put_channels.front().id.value()) + "\"";
}

OssAnswer OssCatalogue::Channels(const OssCall& call) {
  if (call.action == OssAction::kCreate) return AddChannel(call);
  if (call.action == OssAction::kDelete) {
    HOLDFAST_RETURN_IF_ERROR(NeedOneId(call));
    HOLDFAST_ASSIGN_OR_RETURN(const StoredLineup stored, parts_.store.LoadLineup(call.deadline));
    const ChannelId id(std::atoll(call.ids.front().c_str()));
    HOLDFAST_ASSIGN_OR_RETURN(const LineupImport plan, PlanRemoveChannel(stored, id, call.now));
    HOLDFAST_RETURN_IF_ERROR(parts_.store.Apply(call.deadline, plan));
    parts_.metrics.lineup_imports.Add();
    return kOssTrue;
  }
  if (call.action == OssAction::kUpdate) return parts_.monitoring.PutChannels(call);
  const auto lineup = parts_.models.lineup();
  std::string results;
  JsonWriter json(results);
  json.BeginArray();
  for (const Channel& channel : lineup->channels()) {
    const std::string id = std::to_string(channel.id.value());
    if (!Asked(call, id)) continue;
    json.BeginObject().Field("id", id).Field("name", channel.name);
    json.Key("number").String(static_cast<std::int64_t>(channel.number));
    json.Field("base_ch", "1").Field("hd", channel.hd ? "1" : "0").Field("url", channel.directory);
    json.Field("enable_monitoring", "1").Field("descr", "").EndObject();
  }
  json.EndArray();
  return results;
}

OssAnswer OssCatalogue::Guide(const OssCall& call) {
  switch (call.action) {
    case OssAction::kGet:
      return parts_.guide.Show(call);
    case OssAction::kCreate:
      return parts_.guide.Add(call);
    case OssAction::kDelete:
      return parts_.guide.SwitchOff(call);
    case OssAction::kUpdate:
      break;
  }
  return NotSupported(call);
}

template <class Response, class Request>
absl::StatusOr<Response> GuideOffice::Ask(const char* method, const Request& request,
                                          Deadline deadline) {
  const rpc::Call call(deadline, telemetry::TraceContext::Start(context_.random),
                       rpc::Criticality::kInteractive);
  return channel_.Invoke<Response>(call, std::string("holdfast.epg.v1.Epg/") + method, request,
                                   {.timeout = kGuideTimeout});
}

OssAnswer GuideOffice::Show(const OssCall& call) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto answer,
                            Ask<epg::v1::ListSourcesResponse>(
                                "ListSources", epg::v1::ListSourcesRequest(), call.deadline));
  std::string results;
  JsonWriter json(results);
  json.BeginArray();
  for (const epg::v1::Source& source : answer.sources()) {
    if (!Asked(call, source.name())) continue;
    json.BeginObject().Field("id", source.name()).Field("uri", source.uri()).Field("etag", "");
    json.Field("updated", source.last_import_at() == 0
                              ? std::string()
                              : TimeZone::Utc().Format("%Y-%m-%d %H:%M:%S",
                                                       FromEpochSeconds(source.last_import_at())));
    json.Field("id_prefix", "").Field("status", source.disabled() ? "0" : "1").EndObject();
  }
  json.EndArray();
  return results;
}

OssAnswer GuideOffice::Add(const OssCall& call) {
  if (call.Get("uri").empty()) return InvalidArgument("Insert data is empty");
  if (!call.Get("id_prefix").empty()) {
    return InvalidArgument(
        "id_prefix is not supported: channels are matched by the ids in the feed");
  }
  // The same address again is the same source.
  static const security::HmacKey key("holdfast guide source");
  const auto tag = key.Sign(call.Get("uri"));
  epg::v1::Source source;
  source.set_name("oss-" + ToHex(std::string_view(reinterpret_cast<const char*>(tag.data()), 6)));
  source.set_uri(std::string(call.Get("uri")));
  if (!call.Get("lang_code").empty()) source.add_languages(std::string(call.Get("lang_code")));
  source.set_disabled(call.Get("status") == "0");
  HOLDFAST_ASSIGN_OR_RETURN(const auto put,
                            Ask<epg::v1::Source>("PutSource", source, call.deadline));
  return "\"" + put.name() + "\"";
}

OssAnswer GuideOffice::SwitchOff(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(NeedOneId(call));
  HOLDFAST_ASSIGN_OR_RETURN(const auto answer,
                            Ask<epg::v1::ListSourcesResponse>(
                                "ListSources", epg::v1::ListSourcesRequest(), call.deadline));
  for (epg::v1::Source source : answer.sources()) {
    if (source.name() != call.ids.front()) continue;
    source.set_disabled(true);
    HOLDFAST_RETURN_IF_ERROR(Ask<epg::v1::Source>("PutSource", source, call.deadline).status());
    return kOssTrue;
  }
  return NotFound("EPG source not found");
}

}  // namespace holdfast::middleware
