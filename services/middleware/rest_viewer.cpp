#include "services/middleware/rest_viewer.h"

#include <rapidjson/document.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kWriteTimeout = 2s;
constexpr std::string_view kList = "list";

std::string FavouritesText(const std::vector<ChannelId>& favourites) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("channels").BeginArray();
  for (const ChannelId id : favourites) json.String(id.value());
  json.EndArray().EndObject();
  return text;
}

// {"channels":["12","7"]}; nothing for any other form. Doubles are left out.
std::optional<std::vector<ChannelId>> ParseChannels(const std::string& body) {
  const auto document = ParseObject(body);
  if (!document) return std::nullopt;
  const auto list = document->FindMember("channels");
  if (list == document->MemberEnd() || !list->value.IsArray() ||
      list->value.Size() > kMaxFavourites) {
    return std::nullopt;
  }
  std::vector<ChannelId> channels;
  absl::flat_hash_set<ChannelId> seen;
  for (const auto& item : list->value.GetArray()) {
    if (!item.IsString()) return std::nullopt;
    const ChannelId id = ParseChannelId({item.GetString(), item.GetStringLength()});
    if (id.value() == 0) return std::nullopt;
    if (seen.insert(id).second) channels.push_back(id);
  }
  return channels;
}

}  // namespace

http::Response RestViewer::Favourites(const RestCall& call) {
  const RestProfiles::Person person = profiles_.PersonOf(call);
  if (person.problem) return *person.problem;
  if (!person.profile) return JsonAnswer(call, FavouritesText(call.device->favourites));
  const ViewerData::Loaded loaded = profiles_.Load(person);
  const ViewerItem* list = loaded.items->Find(ViewerItem::Kind::kChannels, kList);
  return profiles_.Marked(
      JsonAnswer(call, FavouritesText(list == nullptr ? std::vector<ChannelId>()
                                                      : ParseFavourites(*list->text))),
      loaded.degraded);
}

http::Response RestViewer::Save(const RestCall& call, const RestProfiles::Person& person,
                                const std::vector<ChannelId>& channels) {
  http::Response kept = FreshJson(FavouritesText(channels));
  if (!person.profile) {
    const absl::Status saved =
        writes_.SaveFavourites(*call.device, channels, Deadline::After(kWriteTimeout));
    return saved.ok() ? profiles_.Marked(std::move(kept), !database_.usable()) : NotKept();
  }
  std::string list;
  for (const ChannelId id : channels) {
    if (!list.empty()) list += ',';
    list += std::to_string(id.value());
  }
  return profiles_.Kept(profiles_.Save(person, {.kind = ViewerItem::Kind::kChannels,
                                                .key = std::string(kList),
                                                .text = std::move(list)}),
                        std::move(kept));
}

http::Response RestViewer::PutFavourites(const RestCall& call) {
  return answers_.Once(call, [&] {
    const auto channels = ParseChannels(call.body);
    if (!channels) {
      return Problem(400, "bad-favourites", "channels is no list of at most 2000 channel ids");
    }
    const RestProfiles::Person person = profiles_.PersonOf(call);
    if (person.problem) return *person.problem;
    return Save(call, person, *channels);
  });
}

}  // namespace holdfast::middleware
