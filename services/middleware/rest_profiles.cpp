#include "services/middleware/rest_profiles.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "libs/security/hmac.h"
#include "services/middleware/app_call.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeout = 2s;
constexpr std::size_t kLongestName = 100;
constexpr std::size_t kLongestAvatar = 500;
constexpr int kHighestAge = 99;

Deadline Soon() { return Deadline::After(kTimeout); }

void AppendProfile(JsonWriter& json, const Profile& profile) {
  json.BeginObject().Field("id", profile.id).Field("name", profile.name);
  json.Field("avatar", profile.avatar).Key("max_age");
  if (profile.max_age) {
    json.Int(*profile.max_age);
  } else {
    json.Null();
  }
  json.EndObject();
}

std::string TextOf(const Profile& profile) {
  std::string text;
  JsonWriter json(text);
  AppendProfile(json, profile);
  return text;
}

struct Read {
  Profile profile;
  std::string field;  // at fault; "" if nothing is
};

// What a request says, or what is stored.
Read ReadProfile(const std::string& body) {
  const auto document = ParseObject(body);
  if (!document) return {.profile = {}, .field = "body"};
  Read read{.profile = {.id = {},
                        .name = TextIn(*document, "name"),
                        .avatar = TextIn(*document, "avatar"),
                        .max_age = {}},
            .field = {}};
  const std::string& name = read.profile.name;
  if (name.empty() || name.size() > kLongestName || CleanUtf8(name) != name) read.field = "name";
  if (read.profile.avatar.size() > kLongestAvatar) read.field = "avatar";
  const auto age = document->FindMember("max_age");
  if (age != document->MemberEnd() && !age->value.IsNull()) {
    const bool good =
        age->value.IsInt() && age->value.GetInt() >= 0 && age->value.GetInt() <= kHighestAge;
    if (good) {
      read.profile.max_age = age->value.GetInt();
    } else {
      read.field = "max_age";
    }
  }
  return read;
}

std::optional<Profile> ProfileIn(const ViewerItem& item) {
  Read read = ReadProfile(*item.text);
  if (!read.field.empty()) return std::nullopt;
  read.profile.id = item.key;
  return std::move(read.profile);
}

http::Response Wrong(const std::string& field) {
  return FieldProblem(400, "bad-profile", field,
                      field == "max_age"  ? "max_age is neither null nor from 0 to 99"
                      : field == "name"   ? "name has not from 1 to 100 bytes of text"
                      : field == "avatar" ? "avatar is longer than 500 bytes"
                                          : "the body is no JSON object");
}

http::Response Nobody() {
  return FieldProblem(404, "unknown-profile", "profile", "the account has no such profile");
}

// Below 2^53, so that any client can read it. The same key gives the same profile on every
// instance.
std::int64_t IdOfKey(const RestCall& call) {
  static const security::HmacKey key("holdfast profile");
  const auto tag = key.Sign(call.account().value() + "\n" + call.idempotency_key);
  std::int64_t id = 0;
  for (int i = 0; i < 6; ++i) id = id << 8 | tag[static_cast<std::size_t>(i)];
  return id + 1;
}

}  // namespace

http::Response RestProfiles::Marked(http::Response response, bool degraded) const {
  if (degraded) MarkDegraded(response, {{Neighbour::kPostgres, {}}}, "rest", metrics_);
  return response;
}

RestProfiles::Person RestProfiles::PersonOf(const RestCall& call) {
  Person person{.viewer = ViewerOf(*call.device), .profile = {}, .problem = {}};
  if (call.profile.empty()) return person;
  const ViewerData::Loaded household = viewers_.Load(person.viewer, Soon());
  const ViewerItem* item = household.items->Find(ViewerItem::Kind::kProfile, call.profile);
  if (item != nullptr) person.profile = ProfileIn(*item);
  if (!person.profile) {
    person.problem = FieldProblem(404, "unknown-profile", "X-Profile",
                                  "X-Profile names no profile of the account");
    return person;
  }
  person.viewer = ViewerOfProfile(person.viewer, person.profile->id);
  return person;
}

ViewerData::Loaded RestProfiles::Load(const Person& person) {
  return viewers_.Load(person.viewer, Soon());
}

absl::StatusOr<ViewerData::Written> RestProfiles::Save(const Person& person, ViewerItem item) {
  return viewers_.Save(person.viewer, {std::move(item)}, ViewerData::Path::kDatabaseFirst, Soon());
}

http::Response RestProfiles::Kept(const absl::StatusOr<ViewerData::Written>& written,
                                  http::Response if_kept) const {
  if (written.ok()) return Marked(std::move(if_kept), written->degraded);
  if (absl::IsFailedPrecondition(written.status())) {
    return Problem(409, "too-much-kept", "as much is kept as may be: remove something first");
  }
  return NotKept();
}

http::Response RestProfiles::List(const RestCall& call) {
  const ViewerData::Loaded loaded = viewers_.Load(ViewerOf(*call.device), Soon());
  std::vector<Profile> profiles;
  for (const ViewerItem* item : loaded.items->Newest(ViewerItem::Kind::kProfile)) {
    if (auto profile = ProfileIn(*item)) profiles.push_back(*std::move(profile));
  }
  std::sort(profiles.begin(), profiles.end(), [](const Profile& a, const Profile& b) {
    return std::tie(a.name, a.id) < std::tie(b.name, b.id);
  });
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (const Profile& profile : profiles) AppendProfile(json, profile);
  json.EndArray().EndObject();
  return Marked(JsonAnswer(call, std::move(text)), loaded.degraded);
}

http::Response RestProfiles::Write(const RestCall& call, const Profile& profile, int status) {
  http::Response response = FreshJson(TextOf(profile));
  response.status = status;
  return Kept(
      viewers_.Save(
          ViewerOf(*call.device),
          {{.kind = ViewerItem::Kind::kProfile, .key = profile.id, .text = TextOf(profile)}},
          ViewerData::Path::kDatabaseFirst, Soon()),
      std::move(response));
}

http::Response RestProfiles::Add(const RestCall& call) {
  return answers_.Once(call, [&] { return AddOne(call); });
}

http::Response RestProfiles::AddOne(const RestCall& call) {
  Read read = ReadProfile(call.body);
  if (!read.field.empty()) return Wrong(read.field);
  read.profile.id =
      std::to_string(call.idempotency_key.empty() ? viewers_.NewHistoryId() : IdOfKey(call));
  const ViewerData::Loaded loaded = viewers_.Load(ViewerOf(*call.device), Soon());
  const bool known = loaded.items->Find(ViewerItem::Kind::kProfile, read.profile.id) != nullptr;
  if (!known && loaded.items->Newest(ViewerItem::Kind::kProfile).size() >= kMaxProfiles) {
    return Problem(409, "too-many-profiles", "the account has as many profiles as it may have");
  }
  return Write(call, read.profile, 201);
}

http::Response RestProfiles::Put(const RestCall& call) {
  Read read = ReadProfile(call.body);
  if (!read.field.empty()) return Wrong(read.field);
  read.profile.id = call.parts.at(0);
  const ViewerData::Loaded loaded = viewers_.Load(ViewerOf(*call.device), Soon());
  const bool known = loaded.items->Find(ViewerItem::Kind::kProfile, read.profile.id) != nullptr;
  return known ? Write(call, read.profile, 200) : Nobody();
}

http::Response RestProfiles::Remove(const RestCall& call) {
  const std::string household = ViewerOf(*call.device);
  const std::string& id = call.parts.at(0);
  const ViewerData::Loaded loaded = viewers_.Load(household, Soon());
  if (loaded.items->Find(ViewerItem::Kind::kProfile, id) == nullptr) return Nobody();
  const std::string person = ViewerOfProfile(household, id);
  std::vector<ViewerItem> gone;
  const ViewerData::Loaded kept = viewers_.Load(person, Soon());
  for (const ViewerItem& item : kept.items->all()) {
    if (item.text) gone.push_back({.kind = item.kind, .key = item.key, .text = {}});
  }
  // What the person kept goes first: afterwards nobody could name it.
  if (!gone.empty() &&
      !viewers_.Save(person, std::move(gone), ViewerData::Path::kDatabaseFirst, Soon()).ok()) {
    return NotKept();
  }
  return Kept(
      viewers_.Save(household, {{.kind = ViewerItem::Kind::kProfile, .key = id, .text = {}}},
                    ViewerData::Path::kDatabaseFirst, Soon()),
      NoContent());
}

}  // namespace holdfast::middleware
