// The operators' REST API against its document: every route, every answer that the document names.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <span>

#include "libs/testing/temp_dir.h"
#include "services/middleware/admin_api.h"
#include "services/middleware/admin_fixture_test.h"
#include "services/middleware/openapi_routes_test.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;

constexpr const char* kDocument = "docs/api/admin-openapi.json";
constexpr const char* kCheck = "services/middleware/openapi_check.py";
constexpr const char* kA = "/admin/v1";
constexpr const char* kChannel = R"({"name":"One","directory":"live/one","genre_id":"11"})";

class AdminDocumentTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::Metrics metrics;
    storage::PgPool pool(options_, metrics);
    ASSERT_THAT(storage::Migrate(pool, Migrations(), Deadline::After(10s)), test::IsOk());
  }

  // `path` and `target` behind /admin/v1.
  AdminAnswer Note(const std::string& method, const std::string& path, const std::string& target,
                   const std::string& body = "", AdminFixture::Headers headers = {},
                   const std::string& token = kEditor) {
    const AdminAnswer answer = app_.Send(method, kA + target, body, std::move(headers), token);
    exchanges_ << Json({{"method", method},
                        {"path", kA + path},
                        {"status", answer.status},
                        {"content_type", answer.content_type},
                        {"body", answer.body},
                        {"request", body}})
                      .dump(-1, ' ', false, Json::error_handler_t::replace)
               << "\n";
    return answer;
  }
  void NoteStranger(const std::string& method, const std::string& path, const std::string& target) {
    // A viewer first: whose token is none is told no sooner than whose role is too small.
    if (method != "GET") {
      EXPECT_EQ(Note(method, path, target, "{}", {}, kViewer).status, 403) << method << target;
    }
    app_.box().clock().Advance(61s);  // wrong tokens of one address are few
    EXPECT_EQ(Note(method, path, target, "{}", {}, "wrong").status, 401) << method << target;
  }
  AdminAnswer NoteList(const std::string& path, const std::string& target, bool paged = true) {
    const AdminAnswer answer = Note("GET", path, target);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(Note("GET", path, target, "", {{"If-None-Match", answer.etag}}).status, 304);
    NoteStranger("GET", path, target);
    if (paged) {
      const std::size_t query = std::min(target.find('?'), target.size());
      const std::string front = target.substr(0, query) + "?";
      const std::string rest = query < target.size() ? "&" + target.substr(query + 1) : "";
      EXPECT_EQ(Note("GET", path, front + "limit=0" + rest).field(), "limit");
      EXPECT_EQ(Note("GET", path, front + "cursor=!" + rest).field(), "cursor");
    }
    return answer;
  }
  void NoteDevices() {
    const std::string path = "/devices/{mac}", one = "/devices/00:1A:79:00:00:01";
    EXPECT_EQ(Note("PUT", path, one, R"({"account_id":"acc-1"})").status, 200);
    EXPECT_EQ(Note("PUT", path, one, R"({"account_id":""})").field(), "account_id");
    EXPECT_EQ(Note("PUT", path, "/devices/x", R"({"account_id":"a"})").status, 404);
    app_.box().HaveEntitlement("acc-2");
    const AdminFixture::Headers key = {{"Idempotency-Key", "d-1"}};
    EXPECT_EQ(Note("PUT", path, one, R"({"account_id":"acc-1"})", key).status, 200);
    EXPECT_EQ(Note("PUT", path, one, R"({"account_id":"acc-2"})", key).status, 409);
    NoteStranger("PUT", path, one);
    NoteList("/devices", "/devices?account=acc-1");
    NoteList(path, one, false);
    EXPECT_EQ(Note("GET", path, "/devices/00:1A:79:00:00:09").status, 404);
    NoteList("/accounts/{account}/devices", "/accounts/acc-1/devices");
    const std::string revoke = one + "/revoke", leave = one + "/account";
    EXPECT_EQ(Note("POST", path + "/revoke", revoke).AsJson()["generation"], 1);
    EXPECT_EQ(Note("POST", path + "/revoke", "/devices/00:1A:79:00:00:09/revoke").status, 404);
    NoteStranger("POST", path + "/revoke", revoke);
    EXPECT_EQ(Note("DELETE", path + "/account", leave).AsJson()["account_id"], "");
    EXPECT_EQ(Note("DELETE", path + "/account", "/devices/00:1A:79:00:00:09/account").status, 404);
    NoteStranger("DELETE", path + "/account", leave);
    const std::string import = "/devices/import";
    EXPECT_EQ(Note("POST", import, import + "?dry_run=1",
                   "mac,account_id\n00:1A:79:00:00:02,acc-1\nx,y\n")
                  .AsJson()["added"],
              1);
    EXPECT_EQ(Note("POST", import, import, "mac\n1\n").status, 400);
    NoteStranger("POST", import, import);
    EXPECT_EQ(Note("GET", "/devices/export", "/devices/export").status, 200);
    NoteStranger("GET", "/devices/export", "/devices/export");
  }
  void NoteStreams() {
    const std::string all = "/accounts/{account}/streams", one = all + "/{device}";
    const std::string mac = "00:1A:79:00:00:01", at = "/accounts/acc-1/streams";
    StreamSlots& slots = app_.box().portal().streams();
    slots.Plays(AccountId("acc-1"), mac);
    slots.Plays(AccountId("acc-1"), "app 192.0.2.7 VLC/3.0.18");
    const Json streams = NoteList(all, at, false).AsJson();
    EXPECT_EQ(streams["enforced"], true);
    ASSERT_EQ(streams["streams"].size(), 2u);
    EXPECT_EQ(streams["streams"][0]["device"], mac);
    EXPECT_EQ(streams["streams"][1]["model"], "VLC/3.0.18");
    EXPECT_EQ(Note("DELETE", one, at + "/app%20192.0.2.7%20VLC%2F3.0.18").status, 204);
    EXPECT_EQ(Note("DELETE", one, at + "/" + mac).status, 204);
    EXPECT_EQ(Note("DELETE", one, at + "/" + mac).status, 404);
    NoteStranger("DELETE", one, at + "/" + mac);
    EXPECT_EQ(slots.Count(AccountId("acc-1")), 0);
    slots.Plays(AccountId("acc-1"), mac);
    EXPECT_EQ(Note("GET", all, at).AsJson()["streams"].size(), 1u);
    const Json log = Note("GET", "/audit", "/audit?actor=operator:ada&limit=1").AsJson();
    EXPECT_THAT(log.dump(), testing::HasSubstr("EndStream"));
  }
  void NoteLineup() {
    const std::string groups = "/groups", group = "/groups/{group}";
    EXPECT_EQ(Note("POST", groups, groups, R"({"title":"News"})").status, 201);
    EXPECT_EQ(Note("POST", groups, groups, R"({"title":"News"})").status, 409);
    EXPECT_EQ(Note("POST", groups, groups, R"({"titel":"News"})").status, 400);
    NoteStranger("POST", groups, groups);
    EXPECT_EQ(Note("POST", groups, groups, R"({"title":"Sport"})").status, 201);
    EXPECT_EQ(Note("PUT", group, "/groups/11", R"({"title":"The news"})").status, 200);
    EXPECT_EQ(Note("PUT", group, "/groups/11", R"({"title":"Sport"})").field(), "title");
    EXPECT_EQ(Note("PUT", group, "/groups/11", R"({"title":""})").status, 400);
    EXPECT_EQ(Note("PUT", group, "/groups/99", R"({"title":"x"})").status, 404);
    NoteStranger("PUT", group, "/groups/11");
    NoteList(groups, groups, false);

    const std::string all = "/channels", one = "/channels/{channel}";
    EXPECT_EQ(Note("POST", all, all, kChannel).status, 201);
    EXPECT_EQ(
        Note("POST", all, all, R"({"name":"X","directory":"live/x","genre_id":11,"number":1})")
            .status,
        409);
    EXPECT_EQ(Note("POST", all, all, R"({"name":"X","directory":"x","genre_id":11})").field(),
              "directory");
    NoteStranger("POST", all, all);
    EXPECT_EQ(
        Note("POST", all, all, R"({"name":"Two","directory":"live/two","genre_id":11})").status,
        201);
    NoteList(all, all + "?limit=1&package=basic&group=11");
    NoteList(one, "/channels/1", false);
    EXPECT_EQ(Note("GET", one, "/channels/99").status, 404);
    EXPECT_EQ(Note("PUT", one, "/channels/1", kChannel).status, 200);
    EXPECT_EQ(Note("PUT", one, "/channels/1", "[]").status, 400);
    EXPECT_EQ(Note("PUT", one, "/channels/99", kChannel).status, 404);
    EXPECT_EQ(Note("PUT", one, "/channels/1",
                   R"({"name":"One","directory":"live/one","genre_id":"11","number":2})")
                  .status,
              409);
    EXPECT_EQ(Note("PUT", one, "/channels/1", kChannel, {{"If-Match", "\"old\""}}).status, 412);
    NoteStranger("PUT", one, "/channels/1");
    EXPECT_EQ(Note("DELETE", one, "/channels/2", "", {{"If-Match", "\"old\""}}).status, 412);
    EXPECT_EQ(Note("DELETE", one, "/channels/2").status, 204);
    EXPECT_EQ(Note("DELETE", one, "/channels/2").status, 404);
    NoteStranger("DELETE", one, "/channels/1");
    NoteList("/packages", "/packages", false);
    NoteList("/lineup", "/lineup?packages=basic,sport");
    EXPECT_EQ(Note("GET", "/lineup", "/lineup").field(), "packages");
  }
  void NoteImports() {
    const std::string in = "/lineup/import", out = "/lineup/export";
    const std::string m3u = "#EXTINF:-1,One\nhttp://x/live/one/i.m3u8\n";
    EXPECT_EQ(Note("POST", in, in + "?format=m3u&dry_run=true", m3u).status, 200);
    EXPECT_EQ(Note("POST", in, in + "?format=csv",
                   "name,directory\nOne,live/one\nB,live/b\nC,"
                   "live/c\nD,live/d\n")
                  .status,
              200);
    EXPECT_EQ(Note("POST", in, in + "?format=m3u", m3u).field(), "allow_large_removal");
    EXPECT_EQ(Note("POST", in, in + "?format=doc", m3u).field(), "format");
    NoteStranger("POST", in, in + "?format=m3u");
    for (const std::string format : {"m3u", "csv"}) NoteList(out, out + "?format=" + format, false);
    EXPECT_EQ(Note("GET", out, out).field(), "format");
  }
  // `good` makes one and `bad` does not.
  void NoteItems(const std::string& path, const std::string& name, const std::string& good,
                 const std::string& bad) {
    const std::string one = path + "/{" + name + "}";
    const AdminFixture::Headers key = {{"Idempotency-Key", name}};
    const AdminAnswer made = Note("POST", path, path, good, key);
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(Note("POST", path, path, good, key).body, made.body);
    EXPECT_EQ(Note("POST", path, path, bad, key).status, 409);
    EXPECT_EQ(Note("POST", path, path, bad).status, 400);
    NoteStranger("POST", path, path);
    NoteList(path, path + "?limit=1");
    const std::string it =
        path + "/" +
        made.AsJson().at(name == "station" ? "radio_id" : name + "_id").get<std::string>();
    NoteList(one, it, false);
    EXPECT_EQ(Note("GET", one, path + "/999999").status, 404);
    EXPECT_EQ(Note("PUT", one, it, good).status, 200);
    EXPECT_EQ(Note("PUT", one, it, bad).status, 400);
    EXPECT_EQ(Note("PUT", one, path + "/999999", good).status, 404);
    NoteStranger("PUT", one, it);
    NoteStranger("DELETE", one, it);
    EXPECT_EQ(Note("DELETE", one, it).status, 204);
    EXPECT_EQ(Note("DELETE", one, it).status, 404);
  }
  void NoteMessages() {
    const std::string path = "/messages", one = "/messages/{message}";
    const std::string good =
        R"({"event":"send_msg","text":"Hi","target":{"macs":["00:1a:79:00:00:01"]}})";
    const AdminFixture::Headers key = {{"Idempotency-Key", "m-1"}};
    const AdminAnswer sent = Note("POST", path, path, good, key);
    ASSERT_EQ(sent.status, 201) << sent.body;
    EXPECT_EQ(Note("POST", path, path, R"({"event":"reboot"})", key).status, 409);
    EXPECT_EQ(Note("POST", path, path, R"({"event":"dance"})").field(), "event");
    NoteStranger("POST", path, path);
    NoteList(path, path);
    const std::string it = path + "/" + sent.AsJson()["event_id"].get<std::string>();
    NoteStranger("DELETE", one, it);
    EXPECT_EQ(Note("DELETE", one, it).status, 204);
    EXPECT_EQ(Note("DELETE", one, it).status, 404);
  }

  test::TestPostgres& server_ = test::TestPostgres::Shared();
  const storage::PgOptions options_{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                                    .database = server_.NewDatabase(),
                                    .user = server_.user()};
  AdminFixture app_{options_};
  test::TempDir dir_;
  std::ofstream exchanges_{dir_.File("exchanges")};
};

TEST_F(AdminDocumentTest, TheDocumentIsWhatTheServerDoes) {
  NoteDevices();
  NoteStreams();
  NoteLineup();
  NoteImports();
  NoteItems("/vod/categories", "category", R"({"title":"Drama","genres":["Dark"]})",
            R"({"title":""})");
  NoteItems("/vod/titles", "title",
            R"({"name":"Film","category_id":"1","files":[{"file_id":7,"address":"http://x/f.mp4",
                "subtitles":[{"address":"http://x/f.vtt","language":"en"}]}]})",
            R"({"name":"Film","minutes":"many"})");
  NoteItems("/radio/stations", "station", R"({"name":"FM","number":1,"address":"http://x/fm"})",
            R"({"name":"FM","address":7})");
  NoteMessages();
  NoteList("/audit", "/audit?actor=operator:ada&limit=5&since=2026-01-01T00:00:00Z");
  EXPECT_EQ(Note("GET", "/audit", "/audit?until=x").field(), "until");
  const AdminAnswer document = Note("GET", "/openapi.json", "/openapi.json");
  std::ifstream file(kDocument);
  EXPECT_EQ(document.body, std::string(std::istreambuf_iterator<char>(file), {}));
  int status = 401;
  for (int i = 0; i < 30 && status == 401; ++i) {
    status = Note("GET", "/audit", "/audit", "", {}, "wrong").status;
  }
  EXPECT_EQ(status, 429);

  exchanges_.close();
  const std::string command = std::string("python3 ") + kCheck + " " + kDocument + " " +
                              dir_.File("exchanges") + " --unseen 503 >" + dir_.File("report") +
                              " 2>&1";
  const int result = std::system(command.c_str());
  std::ifstream report(dir_.File("report"));
  EXPECT_EQ(result, 0) << std::string(std::istreambuf_iterator<char>(report), {});
}

TEST_F(AdminDocumentTest, EveryRouteStandsInTheDocumentAndOnlyThose) {
  std::set<std::string> served;
  for (const auto& [method, path] : app_.box().portal().admin_api().routes()) {
    served.insert(method + " " + path);
  }
  EXPECT_EQ(served, RoutesIn(kDocument));
}

TEST(AdminOutageTest, WithoutADatabaseEveryRouteAsksToTryAgain) {
  AdminFixture app;
  for (const char* path : {"/devices", "/devices/00:1A:79:00:00:01", "/accounts/a/devices",
                           "/devices/export", "/channels", "/channels/1", "/groups", "/packages",
                           "/lineup?packages=basic", "/lineup/export?format=csv", "/vod/categories",
                           "/vod/titles/1", "/radio/stations", "/messages", "/audit"}) {
    EXPECT_EQ(app.Send("GET", std::string(kA) + path).status, 503) << path;
  }
  EXPECT_EQ(app.Send("POST", std::string(kA) + "/channels", kChannel).status, 503);
  EXPECT_EQ(app.Send("PUT", std::string(kA) + "/devices/00:1A:79:00:00:01", R"({"account_id":"a"})")
                .status,
            503);
  EXPECT_EQ(app.Send("DELETE", std::string(kA) + "/messages/1").status, 503);
}

}  // namespace
}  // namespace holdfast::middleware
