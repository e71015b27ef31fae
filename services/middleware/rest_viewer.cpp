#include "services/middleware/rest_viewer.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kRememberAnswers = 10min;
constexpr std::size_t kMaxAnswers = 20'000;
constexpr std::size_t kLongestKey = 200;
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

http::Response IdempotentAnswers::Once(const RestCall& call,
                                       const std::function<http::Response()>& act) {
  if (call.idempotency_key.empty()) return act();
  if (call.idempotency_key.size() > kLongestKey) {
    return Problem(400, "bad-idempotency-key", "Idempotency-Key is longer than 200 characters");
  }
  const std::string key = fmt::format("{}\n{}\n{}\n{}", call.account().value(), call.device->mac,
                                      call.profile, call.idempotency_key);
  {
    absl::MutexLock lock(&mutex_);
    const Answer* before = Find(answers_, key);
    if (before != nullptr && clock_.SteadyNow() - before->at < kRememberAnswers) {
      if (before->request != call.body) {
        return Problem(409, "idempotency-key-reused", "the key came with another request before");
      }
      http::Response response = FreshJson(before->text);
      response.status = before->status;
      return response;
    }
  }
  http::Response response = act();
  if (response.status < 500) {
    absl::MutexLock lock(&mutex_);
    if (answers_.size() >= kMaxAnswers) answers_.clear();
    answers_[key] = {call.body, response.status, response.text, clock_.SteadyNow()};
  }
  return response;
}

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

absl::Status RestViewer::Save(const RestCall& call, const RestProfiles::Person& person,
                              const std::vector<ChannelId>& channels) {
  if (!person.profile) {
    return writes_.SaveFavourites(*call.device, channels, Deadline::After(kWriteTimeout));
  }
  std::string list;
  for (const ChannelId id : channels) {
    if (!list.empty()) list += ',';
    list += std::to_string(id.value());
  }
  return profiles_.Save(
      person,
      {.kind = ViewerItem::Kind::kChannels, .key = std::string(kList), .text = std::move(list)});
}

http::Response RestViewer::PutFavourites(const RestCall& call) {
  return answers_.Once(call, [&] {
    const auto channels = ParseChannels(call.body);
    if (!channels) {
      return Problem(400, "bad-favourites", "channels is no list of at most 2000 channel ids");
    }
    const RestProfiles::Person person = profiles_.PersonOf(call);
    if (person.problem) return *person.problem;
    const absl::Status saved = Save(call, person, *channels);
    return saved.ok() ? FreshJson(FavouritesText(*channels))
                      : TryAgain("favourites cannot be kept at the moment");
  });
}

}  // namespace holdfast::middleware
