#include "tests/e2e/box.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "libs/base/deadline.h"
#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/http/client.h"
#include "tests/e2e/platform.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr std::chrono::seconds kPatience = 5s;  // what a viewer waits for a picture

std::string EndpointOf(const std::string& portal_url) {
  constexpr std::string_view kPage = "/c/";
  if (!portal_url.ends_with(kPage)) return portal_url;
  return portal_url.substr(0, portal_url.size() - kPage.size()) + "/server/load.php";
}

// What stands in "js", or an error that quotes the answer.
absl::StatusOr<Json> Payload(const std::string& body) {
  const Json document = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded() || !document.is_object() || !document.contains("js")) {
    return DataLoss("not an answer of the portal: {}", body.substr(0, 80));
  }
  return document["js"];
}

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string Resolve(const std::string& base, const std::string& address) {
  if (address.starts_with("http://")) return address;
  return base.substr(0, base.rfind('/') + 1) + address;
}

}  // namespace

Box::Box(std::string portal_url, std::string mac)
    : portal_url_(std::move(portal_url)), mac_(std::move(mac)) {}

void Box::GoTo(std::string portal_url) { portal_url_ = std::move(portal_url); }

absl::StatusOr<std::string> Box::Call(const std::string& type, const std::string& action,
                                      const Parameters& parameters) {
  std::string url = fmt::format("{}?type={}&action={}", EndpointOf(portal_url_), type, action);
  for (const auto& [name, value] : parameters) {
    url += "&" + name + "=" + PercentEncode(value);
  }
  http::ClientRequest request{.url = url + "&JsHttpRequest=1-xml"};
  request.headers = {{"Cookie", "mac=" + mac_ + "; stb_lang=en; timezone=Europe/Vienna"},
                     {"User-Agent", "Mozilla/5.0 (QtEmbedded; U; Linux; C) MAG250 stbapp"},
                     {"X-User-Agent", "Model: MAG250; Link: Ethernet"}};
  if (!token_.empty() && action != "handshake") {
    request.headers.emplace_back("Authorization", "Bearer " + token_);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const http::ClientResponse answer,
                            http::Fetch(request, Deadline::After(kPatience)));
  degraded_ = answer.Header("X-Degraded");
  if (answer.status != 200) return Unavailable("{}: HTTP {}", action, answer.status);
  if (const auto js = Payload(answer.body); !js.ok()) return Annotate(js.status(), action);
  return answer.body;
}

absl::Status Box::LogIn() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string hello,
                            Call("stb", "handshake", {{"token", token_}, {"prehash", "0"}}));
  HOLDFAST_ASSIGN_OR_RETURN(const Json handshake, Payload(hello));
  const std::string token = TextOf(handshake, "token");
  if (token.empty()) return DataLoss("handshake without a token: {}", hello);
  token_ = token;
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string body,
      Call("stb", "get_profile",
           {{"stb_type", "MAG250"},
            {"sn", "0000000000000"},
            {"hd", "1"},
            {"auth_second_step", "0"},
            {"ver", "ImageDescription: 0.2.18-r14-pub-250; Player Engine version: 0x566"}}));
  HOLDFAST_ASSIGN_OR_RETURN(const Json profile, Payload(body));
  if (TextOf(profile, "status") != "0") return PermissionDenied("get_profile: {}", body);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<BoxChannel>> Box::ListChannels() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string body, Call("itv", "get_all_channels"));
  HOLDFAST_ASSIGN_OR_RETURN(const Json js, Payload(body));
  std::vector<BoxChannel> channels;
  if (js.is_object() && js.contains("data")) {
    for (const Json& row : js["data"]) {
      channels.push_back({.id = TextOf(row, "id"),
                          .number = TextOf(row, "number"),
                          .name = TextOf(row, "name"),
                          .command = TextOf(row, "cmd")});
    }
  }
  if (channels.empty()) return DataLoss("get_all_channels: {}", body.substr(0, 80));
  return channels;
}

absl::StatusOr<int> Box::CountGroups() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string body, Call("itv", "get_genres"));
  HOLDFAST_ASSIGN_OR_RETURN(const Json js, Payload(body));
  if (!js.is_array()) return DataLoss("get_genres: {}", body.substr(0, 80));
  return static_cast<int>(js.size());
}

absl::StatusOr<int> Box::CountChannelsWithGuide() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string body, Call("itv", "get_epg_info", {{"period", "5"}}));
  HOLDFAST_ASSIGN_OR_RETURN(const Json js, Payload(body));
  if (!js.is_object() || !js.contains("data") || !js["data"].is_object()) {
    return DataLoss("get_epg_info: {}", body.substr(0, 80));
  }
  return static_cast<int>(std::count_if(js["data"].begin(), js["data"].end(),
                                        [](const Json& rows) { return !rows.empty(); }));
}

absl::Status Box::Heartbeat() {
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string body,
      Call("watchdog", "get_events",
           {{"init", "0"}, {"cur_play_type", "1"}, {"event_active_id", "0"}}));
  HOLDFAST_ASSIGN_OR_RETURN(const Json js, Payload(body));
  if (!js.is_object() || !js.contains("data")) return DataLoss("get_events: {}", body);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Box::CreateLink(const BoxChannel& channel) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string body,
      Call("itv", "create_link", {{"cmd", channel.command}, {"series", ""}, {"disable_ad", "0"}}));
  HOLDFAST_ASSIGN_OR_RETURN(const Json js, Payload(body));
  const std::string command = TextOf(js, "cmd");
  if (!TextOf(js, "error").empty() || command.empty()) {
    return Unavailable("create_link for {}: {}", channel.name, body);
  }
  return command.substr(command.rfind(' ') + 1);
}

absl::StatusOr<Playlist> Box::Zap(const BoxChannel& channel) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string link, CreateLink(channel));
  return FetchPlaylist(link);
}

absl::StatusOr<Playlist> FetchPlaylist(const std::string& url) {
  HOLDFAST_ASSIGN_OR_RETURN(const http::ClientResponse answer,
                            http::Fetch({.url = url}, Deadline::After(kPatience)));
  if (answer.status != 200) return Unavailable("HTTP {} from {}", answer.status, url);
  Playlist playlist;
  std::istringstream lines(answer.body);
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view kUri = "URI=\"";
    if (line.starts_with("#EXT-X-KEY:") && line.find(kUri) != std::string::npos) {
      const std::size_t from = line.find(kUri) + kUri.size();
      playlist.keys.push_back(Resolve(url, line.substr(from, line.find('"', from) - from)));
    } else if (!line.empty() && line[0] != '#') {
      playlist.segments.push_back(Resolve(url, line));
    }
  }
  if (playlist.segments.empty()) return DataLoss("no segments in {}: {}", url, answer.body);
  return playlist;
}

absl::StatusOr<int> DecodeFrames(const std::string& url, int frames) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string output,
      RunCommand(fmt::format("timeout 20 ffmpeg -nostdin -v error -threads 1 -i '{}' -map 0:v:0 "
                             "-frames:v {} -f framemd5 -",
                             url, frames)));
  int decoded = 0;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0,")) ++decoded;  // "<stream>, <dts>, <pts>, ..."
  }
  return decoded;
}

}  // namespace holdfast::test
