// REST v1 against its document: every operation and every answer that the document names.
#include <gmock/gmock.h>

#include <atomic>
#include <regex>
#include <set>

#include "absl/synchronization/notification.h"
#include "libs/testing/eventually.h"
#include "services/middleware/openapi_routes_test.h"
#include "services/middleware/rest_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using billing::v1::Entitlement;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kDocument = "docs/api/openapi.json";
constexpr const char* kCheck = "services/middleware/openapi_check.py";

class RestDocumentTest : public RestNotes {
 protected:
  void NoteLogins() {
    const std::string path = "/v1/login";
    const AppAnswer login = Note(path, "POST", path, LoginBody("ada", "pa"));
    ASSERT_EQ(login.status, 200) << login.body;
    token_ = login.AsJson()["token"];
    for (const char* wrong : {"", "{", "[]", "{\"login\":1}", "{\"login\":\"ada\"}"}) {
      EXPECT_EQ(Note(path, "POST", path, wrong).status, 400) << wrong;
    }
    EXPECT_EQ(Note(path, "POST", path, LoginBody(std::string(300, 'x'), "y")).status, 401);
    int status = 503;  // billing is not there to say no
    for (int i = 0; i < 30 && status == 503; ++i) {
      status = Note(path, "POST", path, LoginBody("eve", "guess" + std::to_string(i))).status;
    }
    EXPECT_EQ(status, 429);
  }
  void NoteLinks() {
    const std::string link = "/v1/channels/{channel}/link";
    EXPECT_EQ(Note(link, "GET", "/v1/channels/1/link").status, 200);
    EXPECT_EQ(Note(link, "GET", "/v1/channels/2/link").status, 200);
    EXPECT_EQ(Note(link, "GET", "/v1/channels/3/link").status, 403);
    EXPECT_EQ(Note(link, "GET", "/v1/channels/99/link").status, 404);
    NoteStranger(link, "GET", "/v1/channels/1/link");
    const std::string again = "/v1/channels/{channel}/catch-up";
    const std::string time = "?start=2026-01-02T08:30:00Z&duration=3600";
    const AppAnswer answer = Note(again, "GET", "/v1/channels/1/catch-up" + time);
    EXPECT_THAT(answer.AsJson()["url"].get<std::string>(), HasSubstr("/index-1767342600-3600."));
    EXPECT_EQ(Note(again, "GET", "/v1/channels/1/catch-up?start=x&duration=1").status, 400);
    EXPECT_EQ(Note(again, "GET", "/v1/channels/1/catch-up?start=1767342600").status, 400);
    EXPECT_EQ(Note(again, "GET", "/v1/channels/3/catch-up" + time).status, 403);
    EXPECT_EQ(Note(again, "GET", "/v1/channels/2/catch-up" + time).status, 404);
    NoteStranger(again, "GET", "/v1/channels/1/catch-up" + time);
  }
  void NoteStreams() {
    const std::string all = "/v1/streams", own = "/v1/stream";
    app_.box().max_streams = 1;
    app_.box().HaveEntitlement();
    EXPECT_EQ(Note(own, "DELETE", own).status, 204);  // it had links
    app_.box().LogIn();
    ASSERT_THAT(app_.box().Zap(1), StartsWith("ffmpeg "));
    const AppAnswer kept = Note(own, "PUT", own);
    EXPECT_EQ(kept.status, 403);
    EXPECT_EQ(kept.AsJson()["type"], "urn:holdfast:problem:too-many-streams");
    EXPECT_EQ(kept.AsJson()["streams"].size(), 1u);
    EXPECT_EQ(kept.AsJson()["streams"][0]["device_id"], "12");
    EXPECT_EQ(kept.AsJson()["streams"][0]["model"], "MAG250");
    for (const auto& [path, target] :
         {std::pair("/v1/channels/{channel}/link", "/v1/channels/1/link"),
          std::pair("/v1/channels/{channel}/catch-up",
                    "/v1/channels/1/catch-up?start=2026-01-02T08:30:00Z&duration=3600"),
          std::pair("/v1/films/files/{file}/link", "/v1/films/files/50/link")}) {
      const AppAnswer refused = Note(path, "GET", target);
      EXPECT_EQ(refused.status, 403) << target;
      EXPECT_THAT(refused.AsJson()["detail"].get<std::string>(),
                  StartsWith("Your subscription lets 1 device play at once. Playing now: MAG250."));
    }
    app_.box().Call("stb", "log", "real_action=stop&ch_id=1");
    EXPECT_EQ(Note(own, "PUT", own).status, 204);
    const Json streams = Note(all, "GET", all).AsJson();
    EXPECT_EQ(streams["max_streams"], 1);
    ASSERT_EQ(streams["items"].size(), 1u);
    EXPECT_EQ(streams["items"][0]["own"], true);
    EXPECT_EQ(app_.box().Zap(1), "");
    EXPECT_EQ(Note(own, "DELETE", own).status, 204);
    EXPECT_EQ(Note(own, "DELETE", own).status, 204);
    EXPECT_THAT(app_.box().Zap(1), StartsWith("ffmpeg "));
    NoteStranger(all, "GET", all);
    NoteStranger(own, "PUT", own);
    NoteStranger(own, "DELETE", own);
    app_.box().max_streams = 0;
    app_.box().HaveEntitlement();
  }
  void NoteFavourites() {
    const std::string path = "/v1/favourites";
    NoteList(path, path);
    const std::string body = R"({"channels":["2","1"]})";
    const AppsFixture::Headers key = {{"Idempotency-Key", "k-1"}};
    EXPECT_EQ(Note(path, "PUT", path, body, key).status, 200);
    EXPECT_EQ(Note(path, "PUT", path, R"({"channels":["1"]})", key).status, 409);
    for (const char* wrong : {"", "[]", R"({"channels":[1]})", R"({"channels":["x"]})", "{}"}) {
      EXPECT_EQ(Note(path, "PUT", path, wrong).status, 400) << wrong;
    }
    NoteStranger(path, "PUT", path, body);
  }

  void NoteHistory() {
    const std::string points = "/v1/resume-points", point = "/v1/resume-points/{content}";
    const std::string where = R"({"position_seconds":90,"ended":false})";
    EXPECT_EQ(Note(point, "PUT", points + "/7", where).status, 200);
    EXPECT_EQ(Note(point, "PUT", points + "/x", where).status, 400);
    EXPECT_EQ(Note(point, "PUT", points + "/7", R"({"position_seconds":-1})").status, 400);
    NoteStranger(point, "PUT", points + "/7", where);
    NoteList(points, points + "?limit=1");
    EXPECT_EQ(Note(points, "GET", points + "?cursor=nonsense").status, 400);
    const std::string path = "/v1/history";
    const std::string seen =
        R"({"what":"channel","content_id":"1","started_at":"2026-01-02T08:00:00Z"})";
    const AppsFixture::Headers key = {{"Idempotency-Key", "h-1"}};
    const AppAnswer first = Note(path, "POST", path, seen, key);
    EXPECT_EQ(first.status, 200) << first.body;
    EXPECT_EQ(Note(path, "POST", path, seen, key).body, first.body);
    EXPECT_EQ(Note(path, "POST", path, R"({"what":"nothing"})").status, 400);
    EXPECT_EQ(Note(path, "POST", path, R"({"what":"film"})", key).status, 409);
    NoteStranger(path, "POST", path, seen);
    NoteList(path, path);
    EXPECT_EQ(Note(path, "GET", path + "?limit=0").status, 400);
    EXPECT_EQ(Note(path, "GET", path).AsJson()["items"].size(), 1u);
  }
  // What may name a person, and names one that is not there.
  void NoteNobody(const std::string& path, const std::string& method, const std::string& target,
                  const std::string& body = "") {
    EXPECT_EQ(Note(path, method, target, body, {{"X-Profile", "999"}}).status, 404) << target;
  }
  void NoteProfiles() {
    const std::string all = "/v1/profiles", one = "/v1/profiles/{profile}";
    const AppAnswer first = Note(all, "POST", all, R"({"name":"Kim","avatar":"cat","max_age":12})",
                                 {{"Idempotency-Key", "p-1"}});
    ASSERT_EQ(first.status, 201) << first.body;
    const std::string id = first.AsJson()["id"];
    for (const char* wrong : {"", R"({"name":""})", R"({"name":"x","max_age":"old"})"}) {
      EXPECT_EQ(Note(all, "POST", all, wrong).status, 400) << wrong;
    }
    NoteStranger(all, "POST", all, R"({"name":"x"})");
    NoteList(all, all);
    EXPECT_EQ(Note(one, "PUT", all + "/" + id, R"({"name":"Kimberley","max_age":null})").status,
              200);
    EXPECT_EQ(Note(one, "PUT", all + "/" + id, R"({"name":7})").status, 400);
    EXPECT_EQ(Note(one, "PUT", all + "/1", R"({"name":"x"})").status, 404);
    NoteStranger(one, "PUT", all + "/" + id, R"({"name":"x"})");
    for (int i = 1; i < 10; ++i) EXPECT_EQ(Note(all, "POST", all, R"({"name":"x"})").status, 201);
    EXPECT_EQ(Note(all, "POST", all, R"({"name":"x"})").status, 409);
    NoteStranger(one, "DELETE", all + "/" + id);
    EXPECT_EQ(Note(one, "DELETE", all + "/" + id).status, 204);
    EXPECT_EQ(Note(one, "DELETE", all + "/" + id).status, 404);
  }
  void NoteReminders() {
    const std::string all = "/v1/reminders", one = "/v1/reminders/{programme}";
    const std::string soon = all + "/1_" + std::to_string(kNowSeconds + 1800);
    EXPECT_EQ(Note(one, "PUT", soon, R"({"remind_at":"2026-01-02T10:50:00Z"})").status, 200);
    EXPECT_EQ(Note(one, "PUT", soon, R"({"remind_at":"2026-01-02T09:50:00Z"})").status, 400);
    EXPECT_EQ(Note(one, "PUT", all + "/1_5", "{}").status, 404);
    NoteNobody(one, "PUT", soon, "{}");
    NoteStranger(one, "PUT", soon, "{}");
    NoteList(all, all);
    EXPECT_EQ(Note(all, "GET", all + "?limit=x").status, 400);
    NoteNobody(all, "GET", all);
    NoteNobody(one, "DELETE", soon);
    NoteStranger(one, "DELETE", soon);
    EXPECT_EQ(Note(one, "DELETE", soon).status, 204);
    HaveItems(ViewerItem::Kind::kReminder, 200);
    EXPECT_EQ(Note(one, "PUT", soon, "{}").status, 409);
  }
  void NoteFilms() {
    const std::string all = "/v1/films", one = "/v1/films/{film}";
    NoteList(all, all + "?limit=1&order=added&kind=film&q=a");
    EXPECT_EQ(Note(all, "GET", all + "?order=odd").status, 400);
    NoteNobody(all, "GET", all);
    NoteList(one, all + "/5");
    NoteList(one, all + "/8");
    EXPECT_EQ(Note(one, "GET", all + "/7").status, 404);
    NoteList(all + "/categories", all + "/categories");
    NoteNobody(all + "/categories", "GET", all + "/categories");
    const std::string kept = all + "/favourites", keep = kept + "/{film}";
    EXPECT_EQ(Note(keep, "PUT", kept + "/5").status, 204);
    EXPECT_EQ(Note(keep, "PUT", kept + "/7").status, 404);
    NoteStranger(keep, "PUT", kept + "/5");
    NoteList(kept, kept);
    EXPECT_EQ(Note(kept, "GET", kept + "?limit=0").status, 400);
    NoteNobody(kept, "GET", kept);
    NoteNobody(keep, "DELETE", kept + "/5");
    NoteStranger(keep, "DELETE", kept + "/5");
    EXPECT_EQ(Note(keep, "DELETE", kept + "/5").status, 204);
    HaveItems(ViewerItem::Kind::kFavouriteFilm, 1000);
    EXPECT_EQ(Note(keep, "PUT", kept + "/5").status, 409);
    const std::string link = all + "/files/{file}/link";
    EXPECT_EQ(Note(link, "GET", all + "/files/50/link").status, 200);
    EXPECT_EQ(Note(link, "GET", all + "/files/70/link").status, 404);
    NoteStranger(link, "GET", all + "/files/50/link");
  }
  void NoteRentals() {
    const std::string path = "/v1/films/{film}/rental", film = "/v1/films/9/rental";
    const std::string price = R"({"price":{"minor_units":300,"currency":"EUR"}})";
    EXPECT_EQ(Note(path, "POST", film, price).status, 404);  // nothing is for rent
    app_.box().HavePackages();
    NoteList("/v1/films/{film}", "/v1/films/9");
    EXPECT_EQ(Note("/v1/films/files/{file}/link", "GET", "/v1/films/files/90/link").status, 403);
    EXPECT_EQ(Note(path, "POST", film, "{}").status, 400);
    EXPECT_EQ(Note(path, "POST", "/v1/films/5/rental", price).status, 409);
    EXPECT_EQ(Note(path, "POST", film, price).status, 503);  // billing was not told what to say
    for (const auto& [reason, status] :
         {std::pair("INSUFFICIENT_FUNDS", 402), std::pair("PRICE_CHANGED", 409),
          std::pair("SUBSCRIPTION_SUSPENDED", 403), std::pair("KEY_REUSED", 409)}) {
      billing_.Refuses(reason);
      EXPECT_EQ(Note(path, "POST", film, price).status, status) << reason;
    }
    NoteNobody(path, "POST", film, price);
    NoteStranger(path, "POST", film, price);
    billing_.Rents(kNowSeconds + 48 * 3600, 500);
    const AppAnswer rented = Note(path, "POST", film, price, {{"Idempotency-Key", "r-1"}});
    EXPECT_EQ(rented.status, 200) << rented.body;
    NoteList("/v1/films/{film}", "/v1/films/9");
    NoteList("/v1/films", "/v1/films?q=echo");
    EXPECT_EQ(Note("/v1/films/files/{file}/link", "GET", "/v1/films/files/90/link").status, 200);
  }
  void NoteParental() {
    const std::string path = "/v1/parental";
    NoteList(path, path);
    const AppsFixture::Headers first = {{"X-Pin", "0000"}}, mine = {{"X-Pin", "4711"}};
    const std::string body = R"({"pin":"4711","adult_in_players":true})";
    EXPECT_EQ(Note(path, "PUT", path, body).status, 403);
    EXPECT_EQ(Note(path, "PUT", path, body, mine).status, 403);
    const AppAnswer kept = Note(path, "PUT", path, body, first);
    EXPECT_EQ(kept.AsJson(), Json({{"adult_in_players", true}, {"pin_chosen", true}}));
    EXPECT_EQ(Note(path, "PUT", path, "{}", first).status, 403);
    for (const char* wrong : {"", "[]", R"({"pin":"a b"})", R"({"pin":7})", R"({"pin":""})",
                              R"({"adult_in_players":"yes"})"}) {
      EXPECT_EQ(Note(path, "PUT", path, wrong, mine).status, 400) << wrong;
    }
    NoteStranger(path, "PUT", path, body);
  }
  void NoteFull() {
    HaveResumePoints(kMaxViewerItems);
    EXPECT_EQ(Note("/v1/resume-points/{content}", "PUT", "/v1/resume-points/999999",
                   R"({"position_seconds":1})")
                  .status,
              409);
  }
  // Every worker is busy and no more work is taken: all routes but those that need none say so.
  void NoteBusy() {
    std::atomic<std::size_t> blocked = 0;
    absl::Notification release;
    WorkerPool& workers = app_.box().workers();
    const auto block = [&] {
      ++blocked;
      release.WaitForNotification();
    };
    // Every thread first, then the queue: a thread that took its job late would leave a place.
    for (std::size_t i = 0; i < workers.threads(); ++i) {
      ASSERT_TRUE(test::Eventually([&] { return workers.TrySubmit(block); }));
    }
    ASSERT_TRUE(test::Eventually([&] { return blocked == workers.threads(); }));
    while (workers.TrySubmit(block)) {
    }
    const std::set<std::string> without_worker = {"/v1/openapi.json",
                                                  "/v1/profile",
                                                  "/v1/genres",
                                                  "/v1/channels/{channel}/link",
                                                  "/v1/channels/{channel}/catch-up",
                                                  "/v1/message",
                                                  "/v1/parental GET",
                                                  "/v1/streams",
                                                  "/v1/stream",
                                                  "/v1/message/{message}/confirm"};
    for (const auto& [method, path] : app_.box().portal().apps().rest().routes()) {
      const std::string target = std::regex_replace(path, std::regex("\\{[a-z]+\\}"), "1");
      if (without_worker.contains(path) || without_worker.contains(path + " " + method)) {
        EXPECT_NE(As(token_, method, target).status, 503) << target;
        continue;
      }
      const AppAnswer answer = Note(path, method, target);
      EXPECT_EQ(answer.status, 503) << method << " " << target;
      EXPECT_NE(answer.retry_after, "") << method << " " << target;
    }
    release.Notify();
    workers.AwaitIdle();
  }
  // Links need no worker, but an edge.
  void NoteNoEdges() {
    AppsFixture bare;
    bare.box().HaveUsualLineup();
    for (const char* link : {"link", "catch-up"}) {
      const AppAnswer answer = NoteOf(
          bare, std::string("/v1/channels/{channel}/") + link, "GET",
          std::string("/v1/channels/1/") + link + "?start=2026-01-02T08:30:00Z&duration=3600", "",
          {});
      EXPECT_EQ(answer.status, 503) << answer.body;
    }
  }
  // The paid time and grace are over.
  void NoteLapsed() {
    Entitlement lapsed;
    lapsed.set_account_id("acc-1");
    lapsed.set_revision(1000);
    lapsed.set_status(Entitlement::STATUS_ACTIVE);
    lapsed.add_package_ids("basic");
    lapsed.mutable_valid_until()->set_seconds(kNowSeconds - 86'400 * 30);
    lapsed.mutable_grace_until()->set_seconds(kNowSeconds - 86'400 * 20);
    ASSERT_THAT(app_.box().portal().entitlements().feed().Apply(
                    {.kind = replica::Update::Kind::kDelta,
                     .epoch = "test",
                     .revision = 1000,
                     .items = {{"acc-1", MakeShared(lapsed.SerializeAsString())}}}),
                test::IsOk());
    EXPECT_EQ(Note("/v1/films/files/{file}/link", "GET", "/v1/films/files/50/link").status, 403);
  }
  void HaveItems(ViewerItem::Kind kind, int count) {
    std::vector<ViewerItem> items;
    for (int i = 0; i < count; ++i) {
      items.push_back({.kind = kind, .key = "100000" + std::to_string(i), .text = ""});
    }
    ASSERT_THAT(
        app_.box().portal().viewers().Save("acc-1", std::move(items),
                                           ViewerData::Path::kDatabaseFirst, Deadline::After(10s)),
        test::IsOk());
  }
  void NoteMessages() {
    const std::string path = "/v1/message", confirm = "/v1/message/{message}/confirm";
    EXPECT_TRUE(Note(path, "GET", path).AsJson()["message"].is_null());
    HaveMessage("Hello");
    const Json message = Note(path, "GET", path).AsJson();
    EXPECT_EQ(message["message"]["text"], "Hello");
    const std::string target = path + "/" + message["message"]["id"].get<std::string>();
    EXPECT_EQ(Note(confirm, "POST", target + "/confirm").status, 204);
    EXPECT_EQ(Note(confirm, "POST", target + "/confirm").status, 404);
    NoteStranger(path, "GET", path);
    NoteStranger(confirm, "POST", target + "/confirm");
  }
  void HaveMessage(const std::string& text) {
    v1::BoxEvent event;
    event.set_event_id(77);
    event.set_event("send_msg");
    event.set_text(text);
    event.set_needs_confirmation(true);
    event.set_created_at_ms(kNowSeconds * 1000);
    event.set_expires_at_ms((kNowSeconds + 3600) * 1000);
    ASSERT_THAT(app_.box().portal().events().replica().Apply(
                    {.kind = replica::Update::Kind::kFull,
                     .epoch = "test",
                     .revision = 1,
                     .items = {{"77", MakeShared(event.SerializeAsString())}}}),
                test::IsOk());
  }
};

TEST_F(RestDocumentTest, EveryRouteStandsInTheDocumentAndOnlyThose) {
  std::set<std::string> served;
  for (const auto& [method, path] : app_.box().portal().apps().rest().routes()) {
    served.insert(method + " " + path);
  }
  EXPECT_EQ(served, RoutesIn(kDocument));
}

TEST_F(RestDocumentTest, TheDocumentIsWhatTheServerDoes) {
  NoteLogins();
  NoteList("/v1/profile", "/v1/profile");
  NoteList("/v1/genres", "/v1/genres");
  NoteList("/v1/channels", "/v1/channels?limit=1");
  EXPECT_EQ(Note("/v1/channels", "GET", "/v1/channels?cursor=nonsense").status, 400);
  NoteList("/v1/guide", "/v1/guide?from=2026-01-02T09:00:00Z&to=1767355200&channels=1,2");
  EXPECT_EQ(Note("/v1/guide", "GET", "/v1/guide?from=5&to=4").status, 400);
  NoteList("/v1/guide/search", "/v1/guide/search?q=show&limit=2");
  EXPECT_EQ(Note("/v1/guide/search", "GET", "/v1/guide/search?q=x").status, 400);
  NoteLinks();
  NoteFavourites();
  NoteHistory();
  for (const char* path : {"/v1/favourites", "/v1/resume-points", "/v1/history"}) {
    NoteNobody(path, "GET", path);
  }
  NoteNobody("/v1/favourites", "PUT", "/v1/favourites", R"({"channels":[]})");
  NoteNobody("/v1/resume-points/{content}", "PUT", "/v1/resume-points/7",
             R"({"position_seconds":1})");
  NoteNobody("/v1/history", "POST", "/v1/history",
             R"({"what":"channel","content_id":"1","started_at":"2026-01-02T08:00:00Z"})");
  NoteMessages();
  NoteProfiles();
  NoteReminders();
  HaveCatalogue();
  NoteFilms();
  NoteStreams();
  NoteRentals();
  NoteParental();
  NoteFull();
  NoteBusy();
  NoteNoEdges();
  const AppAnswer document = Note("/v1/openapi.json", "GET", "/v1/openapi.json");
  std::ifstream file(kDocument);
  EXPECT_EQ(document.body, std::string(std::istreambuf_iterator<char>(file), {}));
  NoteLapsed();
  EXPECT_EQ(Note("/v1/logout", "POST", "/v1/logout").status, 204);
  NoteStranger("/v1/logout", "POST", "/v1/logout");

  exchanges_.close();
  const std::string command = std::string("python3 ") + kCheck + " " + kDocument + " " +
                              dir_.File("exchanges") + " >" + dir_.File("report") + " 2>&1";
  const int result = std::system(command.c_str());
  std::ifstream report(dir_.File("report"));
  EXPECT_EQ(result, 0) << std::string(std::istreambuf_iterator<char>(report), {});
}

}  // namespace
}  // namespace holdfast::middleware
