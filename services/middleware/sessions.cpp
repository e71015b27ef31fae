#include "services/middleware/sessions.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "libs/base/encoding.h"
#include "libs/security/hmac.h"
#include "services/middleware/convert.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestToken = 8 * 1024;

}  // namespace

Sessions::Sessions(const security::KeySet& keys, const Options& options,
                   telemetry::Metrics& metrics)
    : keys_(keys),
      options_(options),
      verified_(metrics.Counter("holdfast_middleware_tokens_verified_total",
                                "Portal tokens whose signature was checked and good.")),
      refused_(metrics.Counter(
          "holdfast_middleware_tokens_refused_total",
          "Portal tokens that were forged, damaged, expired or of an unknown key.")) {}

ExaminedToken Sessions::Examine(std::string_view token, WallTime now) {
  ExaminedToken examined;
  if (token.empty()) return examined;
  if (token.size() > kLongestToken || !HasFormOfOurToken(token)) {
    examined.token.kind = OfferedToken::Kind::kChosen;
    examined.token.hash = HashOfChosenToken(token);
    return examined;
  }
  examined.token.kind = OfferedToken::Kind::kBroken;
  examined.session = Cached(token);
  if (examined.session == nullptr) {
    auto claims = security::VerifyPortalToken(token, keys_, now);
    if (!claims.ok()) {
      refused_.Add();
      return examined;
    }
    verified_.Add();
    auto session = std::make_shared<Session>();
    session->claims = *std::move(claims);
    session->entitlement = EntitlementIn(session->claims);
    examined.session = session;
    Remember(token, std::move(session));
  }
  if (examined.session->claims.expires_at <= EpochSeconds(now)) {
    examined.session = nullptr;
    return examined;
  }
  examined.token.kind = OfferedToken::Kind::kOurs;
  examined.token.mac = examined.session->claims.mac;
  examined.token.generation = examined.session->claims.generation;
  examined.token.issued_at = examined.session->claims.issued_at;
  return examined;
}

std::string Sessions::Issue(const Mac& mac, const Device* device, const Entitlement* entitlement,
                            WallTime now) const {
  security::PortalClaims claims;
  claims.mac = mac.text();
  claims.issued_at = EpochSeconds(now);
  claims.expires_at = EpochSeconds(now + options_.token_lifetime);
  if (device != nullptr) {
    claims.generation = device->generation;
    // Newer than the session it replaces, whatever the clocks of the instances say.
    claims.issued_at = std::max(claims.issued_at, device->session_since + 1);
    claims.device_id = std::to_string(device->id);
    claims.account_id = device->account.value();
  }
  if (entitlement != nullptr && !entitlement->blocked()) {
    claims.package_ids = entitlement->packages.ids();
    claims.entitled_until = entitlement->valid_until;
    claims.grace_until = entitlement->grace_until;
    claims.entitlement_revision = entitlement->revision;
  }
  std::string token = security::SignPortalToken(claims, keys_);
  if (token.empty()) {
    // More packages than a token holds: the box plays by what the instances know.
    claims.package_ids.clear();
    token = security::SignPortalToken(claims, keys_);
  }
  return token;
}

bool Sessions::WorthKeeping(const Session& session, const Device* device,
                            const Entitlement* entitlement, WallTime now) const {
  const security::PortalClaims& claims = session.claims;
  if (EpochSeconds(now) > claims.issued_at + (claims.expires_at - claims.issued_at) / 2)
    return false;
  if (device == nullptr) return true;
  if (claims.generation < device->generation ||
      EndedByNewer(claims.issued_at, device->session_since) ||
      claims.account_id != device->account.value()) {
    return false;
  }
  return entitlement == nullptr || entitlement->revision <= claims.entitlement_revision;
}

SharedSession Sessions::Cached(std::string_view token) {
  const std::size_t hash = StringHash()(token);  // of a long text: once
  Shard& shard = shards_[hash % kShards];
  absl::MutexLock lock(&shard.mutex);
  const auto found = shard.younger.find(token, hash);
  if (found != shard.younger.end()) return found->second;
  const auto it = shard.older.find(token, hash);
  if (it == shard.older.end()) return nullptr;
  SharedSession session = std::move(it->second);
  shard.older.erase(it);
  PutYounger(shard, token, session);
  return session;
}

void Sessions::Remember(std::string_view token, SharedSession session) {
  Shard& shard = shards_[StringHash()(token) % kShards];
  absl::MutexLock lock(&shard.mutex);
  PutYounger(shard, token, std::move(session));
}

void Sessions::PutYounger(Shard& shard, std::string_view token, SharedSession session) {
  if (shard.younger.size() >= options_.cached_tokens / kShards / 2) {
    shard.older = std::move(shard.younger);
    shard.younger.clear();
  }
  shard.younger[std::string(token)] = std::move(session);
}

std::shared_ptr<const Device> DeviceInToken(const security::PortalClaims& claims) {
  if (claims.account_id.empty() || claims.device_id.empty()) return nullptr;
  auto device = std::make_shared<Device>();
  device->mac = claims.mac;
  std::from_chars(claims.device_id.data(), claims.device_id.data() + claims.device_id.size(),
                  device->id);
  device->account = AccountId(claims.account_id);
  device->generation = claims.generation;
  device->started = true;
  return device;
}

std::string HashOfChosenToken(std::string_view token) {
  static const security::HmacKey key("holdfast chosen portal token");
  const auto tag = key.Sign(token.substr(0, kLongestToken));
  return ToHex(std::string_view(reinterpret_cast<const char*>(tag.data()), tag.size()));
}

}  // namespace holdfast::middleware
