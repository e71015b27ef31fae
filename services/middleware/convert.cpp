#include "services/middleware/convert.h"

#include <memory>
#include <utility>

#include "libs/base/money.h"
#include "libs/base/status.h"
#include "services/middleware/billing_words.h"

namespace holdfast::middleware {
namespace {

std::vector<std::string> Strings(const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

Entitlement::Standing FromProto(billing::v1::Entitlement::Status status) {
  switch (status) {
    case billing::v1::Entitlement::STATUS_GRACE:
      return Entitlement::Standing::kGrace;
    case billing::v1::Entitlement::STATUS_SUSPENDED:
      return Entitlement::Standing::kSuspended;
    case billing::v1::Entitlement::STATUS_CLOSED:
      return Entitlement::Standing::kClosed;
    default:  // a status that this release does not know must not cut anybody off
      return Entitlement::Standing::kActive;
  }
}

}  // namespace

v1::Channel ToProto(const Channel& channel) {
  v1::Channel proto;
  proto.set_channel_id(channel.id.value());
  proto.set_number(channel.number);
  proto.set_name(channel.name);
  proto.set_epg_channel_id(channel.guide_id);
  proto.set_logo_url(channel.logo);
  proto.set_genre_id(channel.genre.value());
  proto.set_directory(channel.directory);
  proto.set_package_id(channel.package.value());
  proto.set_encrypted(channel.encrypted);
  proto.set_adult(channel.adult);
  proto.set_hd(channel.hd);
  for (const GenreId id : channel.other_genres) proto.add_other_genre_ids(id.value());
  proto.set_down(channel.monitoring.down);
  proto.set_monitoring_changed_at(channel.monitoring.changed_at);
  proto.set_catch_up_hours(channel.catch_up_hours);
  proto.set_catch_up_since(channel.catch_up_since);
  proto.set_modified_at(channel.modified_at);
  proto.set_catch_up_source(channel.catch_up_source);
  return proto;
}

v1::Genre ToProto(const Genre& genre) {
  v1::Genre proto;
  proto.set_genre_id(genre.id.value());
  proto.set_title(genre.title);
  return proto;
}

v1::Device ToProto(const Device& device) {
  v1::Device proto;
  proto.set_mac(device.mac);
  proto.set_device_id(std::to_string(device.id));
  proto.set_account_id(device.account.value());
  proto.set_model(device.model);
  proto.set_generation(device.generation);
  return proto;
}

v1::ImportLineupResponse ToProto(const LineupImport& plan) {
  v1::ImportLineupResponse proto;
  proto.set_added(plan.added);
  proto.set_changed(plan.changed);
  proto.set_removed(plan.removed);
  proto.set_unchanged(plan.unchanged);
  for (const M3uProblem& p : plan.problems) {
    proto.add_problems(fmt::format("line {}: {}", p.line, p.what));
  }
  return proto;
}

absl::StatusOr<Mac> ParseMac(std::string_view text) {
  std::optional<Mac> mac = Mac::Parse(text);
  if (!mac) return InvalidArgument("'{}' is not a MAC of the form 00:1A:79:12:34:56", text);
  return *std::move(mac);
}

Channel FromProto(const v1::Channel& item) {
  Channel channel;
  channel.id = ChannelId(item.channel_id());
  channel.number = item.number();
  channel.name = item.name();
  channel.guide_id = item.epg_channel_id();
  channel.logo = item.logo_url();
  channel.genre = GenreId(item.genre_id());
  channel.directory = item.directory();
  channel.package = PackageId(item.package_id());
  channel.encrypted = item.encrypted();
  channel.adult = item.adult();
  channel.hd = item.hd();
  for (const std::int64_t id : item.other_genre_ids()) channel.other_genres.emplace_back(id);
  channel.monitoring = {item.down(), item.monitoring_changed_at()};
  channel.catch_up_hours = item.catch_up_hours();
  channel.catch_up_since = item.catch_up_since();
  channel.modified_at = item.modified_at();
  channel.catch_up_source = item.catch_up_source();
  return channel;
}

Genre FromProto(const v1::Genre& item) { return {GenreId(item.genre_id()), item.title()}; }

v1::DeviceItem ToItem(const Device& device) {
  v1::DeviceItem item;
  item.set_device_id(device.id);
  item.set_account_id(device.account.value());
  item.set_generation(device.generation);
  item.set_chosen_token_hash(device.chosen_token_hash);
  item.set_started(device.started);
  item.set_hardware_id(device.hardware_id);
  item.set_model(device.model);
  for (const ChannelId id : device.favourites) item.add_favourites(id.value());
  item.set_favourites_at_ms(device.favourites_at_ms);
  item.set_last_channel(device.last_channel.value());
  item.set_last_channel_at_ms(device.last_channel_at_ms);
  item.set_revision(device.revision);
  item.set_session_since(device.session_since);
  if (!device.settings.empty()) *item.mutable_settings() = ToProto(device.settings);
  return item;
}

Device FromItem(std::string_view mac, const v1::DeviceItem& item) {
  Device device;
  device.mac = mac;
  device.id = item.device_id();
  device.account = AccountId(item.account_id());
  device.generation = item.generation();
  device.chosen_token_hash = item.chosen_token_hash();
  device.started = item.started();
  device.hardware_id = item.hardware_id();
  device.model = item.model();
  for (const std::int64_t id : item.favourites()) device.favourites.emplace_back(id);
  device.favourites_at_ms = item.favourites_at_ms();
  device.last_channel = ChannelId(item.last_channel());
  device.last_channel_at_ms = item.last_channel_at_ms();
  device.revision = item.revision();
  device.session_since = item.session_since();
  device.settings = FromProto(item.settings());
  return device;
}

v1::BoxSettings ToProto(const BoxSettings& settings) {
  v1::BoxSettings proto;
  for (const auto& [name, setting] : settings) {
    v1::BoxSetting& value = (*proto.mutable_settings())[name];
    value.set_value(setting.value);
    value.set_at_ms(setting.at_ms);
  }
  return proto;
}

BoxSettings FromProto(const v1::BoxSettings& settings) {
  BoxSettings ours;
  for (const auto& [name, setting] : settings.settings()) {
    ours[name] = {setting.value(), setting.at_ms()};
  }
  return ours;
}

v1::SettingsWrite ToProto(const SettingsWrite& write) {
  v1::SettingsWrite proto;
  proto.set_mac(write.mac);
  *proto.mutable_settings() = ToProto(write.settings);
  return proto;
}

SettingsWrite FromProto(const v1::SettingsWrite& write) {
  return {.mac = write.mac(), .settings = FromProto(write.settings())};
}

v1::FavouritesWrite ToProto(const FavouritesWrite& write) {
  v1::FavouritesWrite proto;
  proto.set_mac(write.mac);
  for (const ChannelId id : write.channels) proto.add_channels(id.value());
  proto.set_at_ms(write.at_ms);
  return proto;
}

FavouritesWrite FromProto(const v1::FavouritesWrite& write) {
  FavouritesWrite ours{.mac = write.mac(), .at_ms = write.at_ms()};
  for (const std::int64_t id : write.channels()) ours.channels.emplace_back(id);
  return ours;
}

Entitlement FromProto(const billing::v1::Entitlement& entitlement) {
  Entitlement ours;
  ours.account = AccountId(entitlement.account_id());
  ours.revision = entitlement.revision();
  ours.standing = FromProto(entitlement.status());
  ours.packages = PackageSet(Strings(entitlement.package_ids()));
  ours.max_devices = entitlement.max_devices();
  if (entitlement.has_valid_until()) ours.valid_until = entitlement.valid_until().seconds();
  ours.max_streams = entitlement.max_streams();
  if (entitlement.has_grace_until()) ours.grace_until = entitlement.grace_until().seconds();
  ours.currency = entitlement.currency();
  for (const billing::v1::RunningRental& rental : entitlement.rentals()) {
    const auto title = TitleOfRentalItem(rental.item_id());  // another caller rents other things
    if (title) ours.rentals.push_back({*title, rental.until().seconds()});
  }
  return ours;
}

std::optional<RentalOffer> RentalOfferIn(const billing::v1::Package& package) {
  if (package.service_type() != billing::v1::Package::SERVICE_TYPE_SINGLE) return std::nullopt;
  RentalOffer offer{.package = PackageId(package.package_id()),
                    .name = package.name(),
                    .seconds = package.rental_seconds()};
  for (const billing::v1::Money& price : package.rental_prices()) {
    auto money = Money::Make(price.minor_units(), price.currency());
    if (money.ok() && !money->negative()) offer.prices.push_back(*std::move(money));
  }
  return offer;
}

AccountPage AccountPageOf(const billing::v1::Entitlement& entitlement) {
  AccountPage page;
  page.account_number = entitlement.account_number();
  page.full_name = entitlement.full_name();
  page.phone = entitlement.phone();
  page.tariff_plan_name = entitlement.tariff_plan_name();
  const auto balance = Money::Make(entitlement.balance_minor_units(), entitlement.currency());
  if (balance.ok()) page.balance = balance->ToString();
  page.notice = NoticeOf(entitlement);
  return page;
}

placement::Edge FromProto(const cdn_routing::v1::Edge& edge) {
  placement::Edge ours;
  ours.id = edge.edge_id();
  ours.cdn = edge.cdn_id();
  ours.site = edge.site();
  ours.zone = edge.zone();
  ours.base_url = edge.base_url();
  ours.weight = edge.weight();
  ours.signing_key_id = edge.signing_key_id();
  ours.health = edge.health() == cdn_routing::v1::Edge::HEALTH_DOWN ? placement::Edge::Health::kDown
                : edge.health() == cdn_routing::v1::Edge::HEALTH_DRAINING
                    ? placement::Edge::Health::kDraining
                    : placement::Edge::Health::kUp;
  return ours;
}

Programme View(const epg::v1::Programme& programme) {
  return {.start = programme.start(),
          .stop = programme.stop(),
          .title = programme.title(),
          .description = programme.description(),
          .category = programme.category(),
          .director = programme.director(),
          .actors = programme.actors(),
          .sub_title = programme.sub_title(),
          .episode = programme.episode(),
          .icon = programme.icon_url()};
}

SharedEntitlement EntitlementIn(const security::PortalClaims& claims) {
  if (claims.account_id.empty() || claims.package_ids.empty()) return nullptr;
  auto entitlement = std::make_shared<Entitlement>();
  entitlement->account = AccountId(claims.account_id);
  entitlement->revision = claims.entitlement_revision;
  entitlement->packages = PackageSet(claims.package_ids);
  entitlement->valid_until = claims.entitled_until;
  entitlement->grace_until = claims.grace_until;
  return entitlement;
}

}  // namespace holdfast::middleware
