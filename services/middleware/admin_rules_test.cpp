// The operators' REST API: who may, what happens once, what a report tells, and the audit log.
#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <span>

#include "absl/synchronization/notification.h"
#include "libs/testing/eventually.h"
#include "services/middleware/admin_fixture_test.h"
#include "services/middleware/audit.h"
#include "services/middleware/pg_store_admin.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kA = "/admin/v1";

class AdminTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(storage::Migrate(pool_, Migrations(), Deadline::After(10s)), IsOk());
  }
  AdminAnswer Send(const std::string& method, const std::string& target,
                   const std::string& body = "", AdminFixture::Headers headers = {},
                   const std::string& token = kEditor) {
    return app_.Send(method, kA + target, body, std::move(headers), token);
  }
  Json Import(const std::string& parameters, const std::string& list) {
    const AdminAnswer answer = Send("POST", "/lineup/import?" + parameters, list);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.AsJson();
  }
  std::vector<std::string> Names(const std::string& target) {
    std::vector<std::string> names;
    const Json list = Send("GET", target).AsJson();
    for (const Json& item : list["items"]) names.push_back(item["name"]);
    return names;
  }
  Json Audit(const std::string& query = "") {
    return Send("GET", "/audit" + query).AsJson()["items"];
  }

  test::TestPostgres& server_ = test::TestPostgres::Shared();
  const storage::PgOptions options_{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                                    .database = server_.NewDatabase(),
                                    .user = server_.user()};
  telemetry::Metrics metrics_;
  storage::PgPool pool_{options_, metrics_};
  AdminFixture app_{options_};
};

constexpr const char* kTwo =
    "name,directory,number,package\nOne,live/one,1,basic\nTwo,live/two,2,sport\n";

TEST_F(AdminTest, ADryRunTellsWhatWouldChangeAndChangesNothing) {
  Import("format=csv", kTwo);
  const Json report = Import("format=csv&dry_run=1",
                             "channel_id,name,directory,number,package,group\n"
                             "1,Uno,live/one,1,basic,News\n,Three,live/three,3,basic,News\n"
                             ",Bad,nowhere,4,basic,News\n");
  EXPECT_EQ(report["dry_run"], true);
  EXPECT_EQ(report["added"], 1);
  EXPECT_EQ(report["changed"], 1);
  EXPECT_EQ(report["removed"], 1);
  EXPECT_EQ(report["new_groups"], Json({"News"}));
  EXPECT_THAT(report["problems"][0].get<std::string>(), HasSubstr("line 4"));
  std::vector<std::string> kinds;
  for (const Json& change : report["changes"]) kinds.push_back(change["kind"]);
  EXPECT_THAT(kinds, ElementsAre("KIND_CHANGED", "KIND_REMOVED", "KIND_ADDED"));
  EXPECT_EQ(report["changes"][0]["fields"][0],
            Json({{"field", "name"}, {"before", "One"}, {"after", "Uno"}}));
  EXPECT_THAT(Names("/channels"), ElementsAre("One", "Two"));
  // The same without the dry run does what was told.
  const AdminAnswer done = Send("POST", "/lineup/import?format=csv",
                                "channel_id,name,directory,number,package,group\n"
                                "1,Uno,live/one,1,basic,News\n,Three,live/three,3,basic,News\n"
                                ",Bad,nowhere,4,basic,News\n");
  Json expected = report;
  expected["dry_run"] = false;
  EXPECT_EQ(done.AsJson(), expected);
  EXPECT_THAT(Names("/channels"), ElementsAre("Uno", "Three"));
}

TEST_F(AdminTest, ExportsReadBackToTheSameLineup) {
  Import("format=csv", kTwo);
  for (const char* format : {"csv", "m3u"}) {
    const std::string parameter = std::string("format=") + format;
    const AdminAnswer list = Send("GET", "/lineup/export?" + parameter);
    const Json report = Import(parameter, list.body);
    EXPECT_EQ(report["unchanged"], 2) << list.body;
    EXPECT_THAT(report["changes"], IsEmpty());
  }
}

TEST_F(AdminTest, ALineupIsWhatItsPackagesHold) {
  Import("format=csv", kTwo);
  EXPECT_THAT(Names("/lineup?packages=basic"), ElementsAre("One"));
  EXPECT_THAT(Names("/lineup?packages=sport,basic"), ElementsAre("One", "Two"));
  EXPECT_THAT(Names("/channels?package=sport"), ElementsAre("Two"));
  EXPECT_EQ(
      Send("GET", "/packages").AsJson()["items"],
      Json::parse(R"([{"package_id":"basic","channels":1},{"package_id":"sport","channels":1}])"));
}

TEST_F(AdminTest, PagesJoinToTheWholeList) {
  Import("format=csv", kTwo);
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(Send("PUT", "/devices/00:1A:79:00:00:0" + std::to_string(i), R"({"account_id":"a"})")
                  .status,
              200);
  }
  for (const std::string list : {"/channels", "/devices", "/audit"}) {
    const Json whole = Send("GET", list).AsJson()["items"];
    ASSERT_GE(whole.size(), 2u);
    Json joined = Json::array();
    std::string cursor;
    for (int page = 0; page < 20; ++page) {
      const Json part = Send("GET", list + "?limit=2&cursor=" + cursor).AsJson();
      for (const Json& item : part["items"]) joined.push_back(item);
      if (part["next_cursor"].is_null()) break;
      cursor = part["next_cursor"];
    }
    EXPECT_EQ(joined, whole) << list;
  }
}

TEST_F(AdminTest, WhatWasReadMayBeChangedOnceOnlyWithItsETag) {
  Import("format=csv", kTwo);
  const AdminAnswer read = Send("GET", "/channels/1");
  Json channel = read.AsJson();
  channel["name"] = "First";
  const AdminFixture::Headers tag = {{"If-Match", read.etag}};
  EXPECT_EQ(Send("PUT", "/channels/1", channel.dump(), tag).status, 200);
  channel["name"] = "Second";
  EXPECT_EQ(Send("PUT", "/channels/1", channel.dump(), tag).status, 412);
  EXPECT_THAT(Names("/channels"), ElementsAre("First", "Two"));
}

TEST_F(AdminTest, ARepeatedKeyIsAnsweredAsBeforeAndDoneOnce) {
  const AdminFixture::Headers key = {{"Idempotency-Key", "k-1"}};
  const std::string body = R"({"title":"News"})";
  const AdminAnswer first = Send("POST", "/groups", body, key);
  EXPECT_EQ(first.status, 201);
  const AdminAnswer again = Send("POST", "/groups", body, key);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(Audit("?action=PutGenre").size(), 1u);
  EXPECT_EQ(Send("POST", "/groups", R"({"title":"Other"})", key).field(), "Idempotency-Key");
  // A refusal is an answer, too; a key of another operator is another key.
  EXPECT_EQ(Send("POST", "/groups", body, {{"Idempotency-Key", "k-2"}}).status, 409);
  EXPECT_EQ(Send("POST", "/groups", body, {{"Idempotency-Key", ""}}).field(), "Idempotency-Key");
}

TEST_F(AdminTest, AKeyWhoseInstanceDiedIsFreeAgainAfterAWhile) {
  PgAuditStore store(pool_);
  const KeyedRequest request{"ada", "k", "hash"};
  const auto take = [&](std::int64_t now) {
    return store.TakeKey(Deadline::After(5s), request, now, now - 100, now - 10'000)->state;
  };
  EXPECT_EQ(take(1000), KeyedAnswer::State::kNew);
  EXPECT_EQ(take(1050), KeyedAnswer::State::kUnderWay);
  EXPECT_EQ(take(1101), KeyedAnswer::State::kNew);
  ASSERT_THAT(store.KeepAnswer(Deadline::After(5s), request, 201, "{}"), IsOk());
  EXPECT_EQ(take(9000), KeyedAnswer::State::kAnswered);
  EXPECT_EQ(take(12'000), KeyedAnswer::State::kNew);  // forgotten
  ASSERT_THAT(store.ReleaseKey(Deadline::After(5s), request), IsOk());
  EXPECT_EQ(take(12'001), KeyedAnswer::State::kNew);
}

TEST_F(AdminTest, RolesMayWhatTheyMay) {
  const std::string device = "/devices/00:1A:79:00:00:01", body = R"({"account_id":"a"})";
  EXPECT_EQ(Send("PUT", device, body, {}, kViewer).status, 403);
  EXPECT_EQ(Send("PUT", device, body, {}, kSupport).status, 200);
  EXPECT_EQ(Send("GET", device, "", {}, kViewer).status, 200);
  EXPECT_EQ(Send("POST", "/groups", R"({"title":"x"})", {}, kSupport).status, 403);
  EXPECT_EQ(Send("POST", "/lineup/import?format=m3u", "x", {}, kSupport).status, 403);
  EXPECT_EQ(Send("GET", device, "", {}, "").status, 401);
}

TEST_F(AdminTest, TheLogTellsWhoChangedWhatAndHowItEnded) {
  const std::string device = "/devices/00:1A:79:00:00:01";
  Send("PUT", device, R"({"account_id":"acc-1"})", {}, kSupport);
  Send("POST", "/channels", R"({"name":"X","directory":"live/x","genre_id":99})");
  Send("GET", device);
  Send("POST", "/lineup/import?format=m3u&dry_run=1", "#EXTINF:-1,A\nhttp://x/live/a/i.m3u8\n");
  const Json entries = Audit();
  ASSERT_EQ(entries.size(), 2u) << entries.dump(1);  // neither reads nor dry runs
  EXPECT_EQ(entries[0]["actor"], "operator:ada");
  EXPECT_EQ(entries[0]["action"], "PutChannel");
  EXPECT_THAT(entries[0]["outcome"].get<std::string>(), HasSubstr("genre_id 99 is unknown"));
  EXPECT_EQ(entries[1]["actor"], "operator:help");
  EXPECT_EQ(entries[1]["object"], "mac 00:1A:79:00:00:01");
  EXPECT_EQ(entries[1]["outcome"], "OK");
  EXPECT_EQ(entries[1]["address"], "127.0.0.1");
  EXPECT_THAT(entries[1]["request"].get<std::string>(), HasSubstr("acc-1"));
  EXPECT_EQ(Audit("?actor=operator:help").size(), 1u);
  EXPECT_EQ(Audit("?object=mac%2000:1A:79:00:00:01").size(), 1u);
  EXPECT_EQ(Audit("?action=PutChannel&actor=operator:help").size(), 0u);
  EXPECT_EQ(Audit("?since=2026-01-02T10:00:00Z").size(), 2u);
  EXPECT_EQ(Audit("?until=2026-01-02T10:00:00Z").size(), 0u);
}

TEST_F(AdminTest, ChangesOverGrpcStandInTheLogToo) {
  rpc::ServiceTable table("holdfast.middleware.v1.Middleware");
  app_.box().portal().service().Register(table);
  v1::PutDeviceRequest request;
  request.set_mac("00:1A:79:00:00:07");
  request.set_account_id("acc-9");
  for (const auto& method : table.methods()) {
    if (method.name != "PutDevice") continue;
    const auto response = method.new_response();
    const rpc::Call call(Deadline::After(5s), {}, Criticality::kInteractive, "billing");
    EXPECT_THAT(method.unary(call, request, *response), IsOk());
  }
  EXPECT_EQ(Audit("?actor=service:billing").size(), 1u);
}

TEST_F(AdminTest, TheLogOnlyGrows) {
  Send("PUT", "/devices/00:1A:79:00:00:01", R"({"account_id":"a"})");
  for (const char* sql : {"UPDATE audit_entry SET actor = 'nobody'", "DELETE FROM audit_entry",
                          "UPDATE audit_outcome SET outcome = 'OK'", "DELETE FROM audit_outcome",
                          "TRUNCATE audit_entry, audit_outcome"}) {
    EXPECT_THAT(pool_.Query(Deadline::After(5s), sql), Not(IsOk())) << sql;
  }
  EXPECT_EQ(Audit().size(), 1u);
}

TEST_F(AdminTest, WithoutTheLogNothingIsChanged) {
  ASSERT_THAT(pool_.Query(Deadline::After(5s), "ALTER TABLE audit_entry RENAME TO gone"), IsOk());
  EXPECT_GE(Send("PUT", "/devices/00:1A:79:00:00:01", R"({"account_id":"a"})").status, 500);
  EXPECT_EQ(Send("GET", "/devices").AsJson()["items"].size(), 0u);
}

TEST_F(AdminTest, LongTextsAreCutInTheLogAndSecretsNeverStandInIt) {
  Import("format=m3u", "#EXTINF:-1,A\nhttp://x/live/a/i.m3u8\n" + std::string(100'000, '#'));
  const Json entries = Audit();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_LT(entries[0]["request"].get<std::string>().size(), 1000u);
  EXPECT_THAT(entries[0].dump(), Not(HasSubstr(kEditor)));
}

TEST_F(AdminTest, WhatNobodyWaitsForIsNotDone) {
  // Both workers are held, and the client goes before one is free.
  absl::Notification release;
  std::atomic<std::size_t> held = 0;
  WorkerPool& workers = app_.box().workers();
  for (std::size_t i = 0; i < workers.threads(); ++i) {
    ASSERT_TRUE(test::Eventually([&] {
      return workers.TrySubmit([&] {
        ++held;
        release.WaitForNotification();
      });
    }));
  }
  ASSERT_TRUE(test::Eventually([&] { return held == workers.threads(); }));
  const std::string device = std::string(kA) + "/devices/00:1A:79:00:00:01";
  const auto left = http::Fetch({.method = "PUT",
                                 .url = app_.url() + device,
                                 .headers = {{"Authorization", "Bearer " + std::string(kEditor)}},
                                 .body = R"({"account_id":"acc-1"})"},
                                Deadline::After(300ms));
  EXPECT_FALSE(left.ok());
  app_.box().clock().Advance(1s);
  release.Notify();
  // What is asked now comes behind it.
  EXPECT_EQ(Send("GET", "/devices/00:1A:79:00:00:01").status, 404);
  EXPECT_EQ(Send("GET", "/devices/00:1A:79:00:00:01").status, 404);
  EXPECT_THAT(Audit(), IsEmpty());
}

TEST_F(AdminTest, DevicesAreImportedRowByRow) {
  Send("PUT", "/devices/00:1A:79:00:00:01", R"({"account_id":"a"})");
  Send("PUT", "/devices/00:1A:79:00:00:02", R"({"account_id":"a"})");
  const std::string table =
      "mac,account_id\n00:1A:79:00:00:01,a\n00:1A:79:00:00:02,b\n00-1a-79-00-00-03,b\nx,b\n"
      "00:1A:79:00:00:03,c\n00:1A:79:00:00:04,\n";
  const Json report = Send("POST", "/devices/import?dry_run=true", table).AsJson();
  EXPECT_EQ(report["unchanged"], 1);
  EXPECT_EQ(report["moved"], 1);
  EXPECT_EQ(report["added"], 1);
  EXPECT_EQ(report["refused"], 3);
  EXPECT_EQ(report["problems"][1]["detail"], "mac stands in line 4 already");
  EXPECT_EQ(Send("GET", "/devices?account=b").AsJson()["items"].size(), 0u);
  Json done = Send("POST", "/devices/import", table).AsJson();
  EXPECT_EQ(done["dry_run"], false);
  done["dry_run"] = true;
  EXPECT_EQ(done, report);
  EXPECT_EQ(Send("GET", "/devices?account=b").AsJson()["items"].size(), 2u);
  const AdminAnswer exported = Send("GET", "/devices/export");
  EXPECT_EQ(Send("POST", "/devices/import", exported.body).AsJson()["unchanged"], 3);
}

TEST_F(AdminTest, WhatIsWrongIsNamed) {
  const auto field = [&](const std::string& method, const std::string& target,
                         const std::string& body) {
    const AdminAnswer answer = Send(method, target, body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_EQ(answer.content_type, "application/problem+json");
    return answer.field();
  };
  EXPECT_EQ(field("POST", "/vod/titles", R"({"name":"x","minutes":"many"})"), "minutes");
  EXPECT_EQ(field("POST", "/vod/titles", R"({"name":"x","files":[{"file_id":"one"}]})"), "file_id");
  EXPECT_EQ(field("POST", "/vod/titles", R"({"name":""})"), "name");
  EXPECT_EQ(field("POST", "/vod/titles", R"({"name":"x","seasons":[{"number":0}]})"), "number");
  EXPECT_EQ(field("POST", "/vod/categories", R"({"title":"x","adult":"perhaps"})"), "adult");
  EXPECT_EQ(field("POST", "/messages", R"({"event":"send_msg"})"), "text");
  EXPECT_EQ(field("POST", "/messages", R"({"event":"reboot","keep_seconds":-1})"), "keep_seconds");
  EXPECT_EQ(field("POST", "/channels", R"({"name":"x","directory":"live/x","genre_id":5})"),
            "genre_id");
  EXPECT_EQ(field("PUT", "/devices/00:1A:79:00:00:01", R"({"account_id":"a\u0000b"})"),
            "account_id");
  EXPECT_EQ(field("POST", "/lineup/import?format=csv", "name\nA\n"), "body");
}

TEST_F(AdminTest, NoiseIsAProblemNeverAFault) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {
      "", "0", "-1", "99999999999999999999", "%00", "%ff%fe", "..%2f", "'--", "{}", "a%0ab", "csv"};
  const std::vector<std::string> bodies = {
      "",
      "{",
      "[]",
      "null",
      "{\"title\":{}}",
      "{\"name\":\"\\u0000\",\"directory\":\"live/x\"}",
      R"({"account_id":"\ud800"})",
      std::string(20'000, '['),
      std::string("\xff\xfe\x00,\n", 5),
      "{\"event\":\"send_msg\",\"text\":\"x\",\"target\":{\"macs\":[\"\"]}}",
      "name,directory\n\"",
      "{\"a\":" + std::string(5000, '{')};
  const auto pick = [&](const std::vector<std::string>& from) -> const std::string& {
    return from[random() % from.size()];
  };
  const char* names[] = {"limit", "cursor", "format", "since", "packages", "base_url", "actor"};
  for (const auto& [method, pattern] : app_.box().portal().admin_api().routes()) {
    for (int i = 0; i < 8; ++i) {
      std::string target = pattern;
      if (const std::size_t brace = target.find('{'); brace != std::string::npos) {
        const std::string& piece = pick(pieces);
        target.replace(brace, target.find('}') - brace + 1, piece.empty() ? "x" : piece);
      }
      target += std::string("?") + names[random() % std::size(names)] + "=" + pick(pieces) + "&" +
                names[random() % std::size(names)] + "=" + pick(pieces);
      const AdminAnswer answer = app_.Send(method, target, method == "GET" ? "" : pick(bodies));
      EXPECT_LT(answer.status, 500) << method << " " << target << ": " << answer.body;
    }
  }
}

TEST(OperatorsTest, AWrongLineIsNamedAndWhatWasKnownStays) {
  Operators operators("");
  const std::string token(32, 'a');
  ASSERT_THAT(operators.Read("# c\n\n ada\teditor  " + token + "\r\n"), IsOk());
  ASSERT_TRUE(operators.Find(token));
  EXPECT_EQ(operators.Find(token)->name, "ada");
  EXPECT_EQ(operators.Find(token)->role, Role::kEditor);
  const std::vector<std::string> wrong_lines = {"ada editor", "ada boss " + token,
                                                "ada editor short", "a/b editor " + token,
                                                "a viewer " + token + "\nb viewer " + token};
  for (const std::string& wrong : wrong_lines) {
    const absl::Status status = operators.Read("\n" + wrong);
    EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument)) << wrong;
    EXPECT_THAT(std::string(status.message()), HasSubstr("line ")) << wrong;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr(token)));
  }
  EXPECT_TRUE(operators.Find(token));
  EXPECT_FALSE(operators.Find(std::string(32, 'b')));
  EXPECT_FALSE(operators.Find(""));
  EXPECT_THAT(operators.Load(), IsOk());  // no file: nobody new
}

}  // namespace
}  // namespace holdfast::middleware
