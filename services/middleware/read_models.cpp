#include "services/middleware/read_models.h"

#include <set>
#include <utility>
#include <vector>

#include "holdfast/analytics/v1/analytics.pb.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/base/status.h"
#include "services/middleware/convert.h"
#include "services/middleware/convert_catalogue.h"

namespace holdfast::middleware {
namespace {

using EdgeReplica = replica::Replica<cdn_routing::v1::Edge>;
using GuideReplica = replica::Replica<epg::v1::GuideDay>;
using LineupReplica = replica::Replica<v1::LineupItem>;
using CatalogueReplica = replica::Replica<v1::CatalogueItem>;
using PackageReplica = replica::Replica<billing::v1::Package>;
using PopularityReplica = replica::Replica<analytics::v1::ChannelPopularity>;

// -- Lineup -------------------------------------------------------------------------------------

absl::Status ValidateLineupItem(std::string_view key, const v1::LineupItem& item) {
  if (item.has_genre()) return absl::OkStatus();
  if (!item.has_channel()) return DataLoss("lineup item {} is neither channel nor genre", key);
  const v1::Channel& channel = item.channel();
  if (channel.channel_id() <= 0 || channel.name().empty() || channel.directory().empty()) {
    return DataLoss("channel {} has no id, name or directory", key);
  }
  return absl::OkStatus();
}

std::shared_ptr<const Lineup> BuildLineup(const LineupReplica::Picture& picture) {
  std::vector<Channel> channels;
  std::vector<Genre> genres;
  for (const auto& [key, item] : picture->items) {
    if (item->has_channel()) channels.push_back(FromProto(item->channel()));
    if (item->has_genre()) genres.push_back(FromProto(item->genre()));
  }
  return std::make_shared<const Lineup>(std::move(channels), std::move(genres), picture->revision);
}

// -- Edges --------------------------------------------------------------------------------------

absl::Status ValidateEdge(std::string_view key, const cdn_routing::v1::Edge& edge) {
  if (edge.edge_id() != key || edge.base_url().empty()) {
    return DataLoss("edge {} has another id or no address", key);
  }
  return absl::OkStatus();
}

std::shared_ptr<const placement::EdgeTable> BuildEdges(const EdgeReplica::Picture& picture) {
  std::vector<placement::Edge> edges;
  for (const auto& [id, edge] : picture->items) edges.push_back(FromProto(*edge));
  return std::make_shared<const placement::EdgeTable>(std::move(edges));
}

// -- Guide --------------------------------------------------------------------------------------

std::string_view GuideIdOf(std::string_view key) { return key.substr(0, key.rfind('|')); }

absl::Status ValidateGuideDay(std::string_view key, const epg::v1::GuideDay& day) {
  if (day.epg_channel_id() != GuideIdOf(key)) {
    return DataLoss("guide day {} is of channel {}", key, day.epg_channel_id());
  }
  return absl::OkStatus();
}

// Builds schedules from days. A channel whose days did not change keeps its schedule: a guide of a
// thousand channels changes a few at a time.
class GuideBuilder {
 public:
  std::shared_ptr<const Guide> Build(const GuideReplica::Picture& picture, const Guide& before) {
    auto guide = std::make_shared<Guide>();
    guide->revision = picture->revision;
    auto day = picture->items.begin();
    while (day != picture->items.end()) {
      const std::string_view guide_id = GuideIdOf(day->first);
      const auto first = day;
      while (day != picture->items.end() && GuideIdOf(day->first) == guide_id) ++day;
      const SharedSchedule* old = Find(before.schedules, guide_id);
      const bool same = old != nullptr && SameDays(first, day, guide_id);
      guide->schedules.emplace(guide_id, same ? *old : MakeSchedule(first, day));
    }
    built_from_ = picture;
    return guide;
  }

 private:
  using Iterator = OrderedStringMap<std::shared_ptr<const epg::v1::GuideDay>>::const_iterator;

  bool SameDays(Iterator first, Iterator last, std::string_view guide_id) const {
    if (built_from_ == nullptr) return false;
    auto old = built_from_->items.lower_bound(std::string(guide_id) + "|");
    for (; first != last; ++first, ++old) {
      if (old == built_from_->items.end() || old->second != first->second) return false;
    }
    return old == built_from_->items.end() || GuideIdOf(old->first) != guide_id;
  }

  static SharedSchedule MakeSchedule(Iterator first, Iterator last) {
    std::vector<Programme> programmes;
    std::vector<std::shared_ptr<const void>> owners;
    for (; first != last; ++first) {
      for (const epg::v1::Programme& p : first->second->programmes()) programmes.push_back(View(p));
      owners.push_back(first->second);
    }
    return std::make_shared<const ChannelSchedule>(std::move(programmes), std::move(owners));
  }

  GuideReplica::Picture built_from_;
};

// -- Popularity -----------------------------------------------------------------------------------

std::shared_ptr<const Popularity> BuildPopularity(const PopularityReplica::Picture& picture) {
  auto scores = std::make_shared<Popularity>();
  for (const auto& [channel, item] : picture->items) (*scores)[channel] = item->score();
  return scores;
}

// -- What may be rented ---------------------------------------------------------------------------

absl::Status ValidatePackage(std::string_view key, const billing::v1::Package& package) {
  if (package.package_id() != key) return DataLoss("package {} has another id", key);
  return absl::OkStatus();
}

std::shared_ptr<const RentalOffers> BuildOffers(const PackageReplica::Picture& picture) {
  std::vector<RentalOffer> offers;
  for (const auto& [id, package] : picture->items) {
    if (auto offer = RentalOfferIn(*package)) offers.push_back(*std::move(offer));
  }
  return std::make_shared<const RentalOffers>(std::move(offers), picture->revision);
}

// -- Catalogue ------------------------------------------------------------------------------------

std::shared_ptr<const Catalogue> BuildCatalogue(const CatalogueReplica::Picture& picture) {
  std::vector<VodCategory> categories;
  std::vector<VodTitle> titles;
  std::vector<RadioStation> stations;
  for (const auto& [key, item] : picture->items) {
    if (item->has_category()) categories.push_back(FromProto(item->category()));
    if (item->has_title()) titles.push_back(FromProto(item->title()));
    if (item->has_radio()) stations.push_back(FromProto(item->radio()));
  }
  return std::make_shared<const Catalogue>(std::move(categories), std::move(titles),
                                           std::move(stations));
}

}  // namespace

struct ReadModels::Replicas {
  LineupReplica lineup;
  EdgeReplica edges;
  GuideReplica guide;
  PopularityReplica popularity;
  CatalogueReplica catalogue;
  PackageReplica packages;
  GuideBuilder guide_builder;
};

ReadModels::ReadModels(const Files& files, const Clock& clock, telemetry::Metrics& metrics)
    : lineup_(std::make_shared<const Lineup>()),
      edges_(std::make_shared<const placement::EdgeTable>(std::vector<placement::Edge>())),
      guide_(std::make_shared<const Guide>()),
      popularity_(std::make_shared<const Popularity>()),
      catalogue_(std::make_shared<const Catalogue>()),
      rental_offers_(std::make_shared<const RentalOffers>()) {
  replicas_.reset(new Replicas{
      .lineup = LineupReplica(
          {.name = "lineup", .file = files.lineup}, clock, metrics, ValidateLineupItem,
          [this](const LineupReplica::Picture& p) { lineup_.Set(BuildLineup(p)); }),
      .edges = EdgeReplica({.name = "edges", .file = files.edges}, clock, metrics, ValidateEdge,
                           [this](const EdgeReplica::Picture& p) { edges_.Set(BuildEdges(p)); }),
      .guide =
          GuideReplica({.name = "guide", .file = files.guide}, clock, metrics, ValidateGuideDay,
                       [this](const GuideReplica::Picture& p) {
                         guide_.Set(replicas_->guide_builder.Build(p, *guide_.Get()));
                       }),
      .popularity = PopularityReplica(
          {.name = "popularity", .file = files.popularity}, clock, metrics, nullptr,
          [this](const PopularityReplica::Picture& p) { popularity_.Set(BuildPopularity(p)); }),
      .catalogue = CatalogueReplica(
          {.name = "catalogue", .file = files.catalogue}, clock, metrics, nullptr,
          [this](const CatalogueReplica::Picture& p) { catalogue_.Set(BuildCatalogue(p)); }),
      .packages = PackageReplica(
          {.name = "packages", .file = files.packages}, clock, metrics, ValidatePackage,
          [this](const PackageReplica::Picture& p) { rental_offers_.Set(BuildOffers(p)); }),
      .guide_builder = {}});
}

ReadModels::~ReadModels() = default;

bool ReadModels::has_lineup() const { return replicas_->lineup.loaded(); }

v1::Catalogue ReadModels::CatalogueAsStored() const {
  v1::Catalogue catalogue;
  const CatalogueReplica::Picture picture = replicas_->catalogue.Current();
  for (const auto& [key, item] : picture->items) {
    if (item->has_category()) *catalogue.add_categories() = item->category();
    if (item->has_title()) *catalogue.add_titles() = item->title();
    if (item->has_radio()) *catalogue.add_stations() = item->radio();
  }
  return catalogue;
}

replica::ReplicaBase& ReadModels::catalogue_replica() { return replicas_->catalogue; }
replica::ReplicaBase& ReadModels::packages_replica() { return replicas_->packages; }
replica::ReplicaBase& ReadModels::lineup_replica() { return replicas_->lineup; }
replica::ReplicaBase& ReadModels::edges_replica() { return replicas_->edges; }
replica::ReplicaBase& ReadModels::guide_replica() { return replicas_->guide; }
replica::ReplicaBase& ReadModels::popularity_replica() { return replicas_->popularity; }

std::optional<std::chrono::seconds> StaleSince(const replica::ReplicaBase& replica) {
  const std::chrono::seconds age = replica.age();
  if (!replica.stale()) return std::nullopt;
  return age;
}

}  // namespace holdfast::middleware
