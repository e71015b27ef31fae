// The portal: no box sees or changes what is another account's, through any action; and nothing
// that a stranger sends does harm.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/portal_table_test.h"

namespace holdfast::middleware {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOtherMac = "00:1A:79:00:00:0B";
// Stands in everything that is told of the first account, and in no answer to the other.
constexpr const char* kSecret = "adas0secret";

class PortalSecurityTest : public testing::Test {
 protected:
  void SetUp() override {
    a_.HaveDevice(kOtherMac, "acc-2");
    a_.HaveEntitlement("acc-2");
    HaveSecretAccount();
    ours_ = a_.token;
    theirs_ = TokenOfOther();
  }

  void HaveSecretAccount() {
    billing::v1::Entitlement entitlement;
    entitlement.set_account_id("acc-1");
    entitlement.set_revision(1000);
    entitlement.set_status(billing::v1::Entitlement::STATUS_ACTIVE);
    entitlement.add_package_ids("basic");
    entitlement.set_full_name(kSecret);
    entitlement.set_account_number(kSecret);
    entitlement.set_phone(kSecret);
    entitlement.set_tariff_plan_name(kSecret);
    ASSERT_THAT(a_.portal().entitlements().feed().Apply(
                    {.kind = replica::Update::Kind::kDelta,
                     .epoch = "test",
                     .revision = 1000,
                     .items = {{"acc-1", MakeShared(entitlement.SerializeAsString())}}}),
                test::IsOk());
  }

  // As the other box, with whatever token.
  BoxAnswer AsOther(const std::string& token, const std::string& type, const std::string& action,
                    const std::string& rest = "") {
    BoxRequest request{.query = "type=" + type + "&action=" + action + "&" + rest,
                       .cookie = std::string("mac=") + kOtherMac,
                       .authorization = "Bearer " + token};
    return a_.Send(request);
  }
  std::string TokenOfOther() {
    const std::string token = AsOther("", "stb", "handshake").Js()["token"];
    EXPECT_EQ(AsOther(token, "stb", "get_profile").Js()["status"], "0");
    return token;
  }
  static std::string Body(const BoxAnswer& answer) { return answer.body; }

  GoldenPortal a_;
  std::string ours_, theirs_;
};

TEST_F(PortalSecurityTest, ATokenOpensNothingForAnotherBoxInAnyAction) {
  const std::set<std::string> open = {"stb/handshake", "stb/get_profile", "stb/do_auth",
                                      "stb/get_localization", "stb/check_portal_status"};
  int closed = 0;
  for (const ActionRow& row : PortalTable()) {
    const BoxAnswer answer = AsOther(ours_, a_.TypeIn(row), a_.ActionIn(row), a_.QueryIn(row));
    EXPECT_EQ(answer.status, 200) << row.name;
    EXPECT_THAT(answer.body, Not(HasSubstr(kSecret))) << row.name;
    if (open.contains(row.name)) continue;
    EXPECT_EQ(answer.body, "Authorization failed.") << row.name;
    ++closed;
  }
  EXPECT_GT(closed, 90);
  for (const std::string& name : open) {
    EXPECT_NE(
        a_.portal().actions().Find(name.substr(0, name.find('/')), name.substr(name.find('/') + 1)),
        nullptr);
  }
  // What is open tells the other box of itself.
  EXPECT_NE(AsOther(ours_, "stb", "handshake", "token=" + ours_).Js()["token"], ours_);
  EXPECT_EQ(AsOther(ours_, "stb", "get_profile").Js()["mac"], kOtherMac);
}

TEST_F(PortalSecurityTest, NothingThatOneViewerLeavesBehindIsShownToAnother) {
  const auto hers = [&](const char* type, const char* action, const std::string& rest) {
    const Json js = a_.Call(type, action, rest).Js();
    EXPECT_NE(js, false) << type << "/" << action;
    return js;
  };
  hers("stb", "set_portal_prefs", std::string("theme=") + kSecret);
  hers("stb", "set_parent_password", std::string("pass=") + kSecret);
  hers("itv", "set_fav", "fav_ch=2,1");
  hers("itv", "set_last_id", "id=2");
  hers("itv", "add_to_censored", "ch_id=1");
  hers("stb", "set_aspect", "aspect=32&ch_id=1");
  hers("tvreminder", "add", "ch_id=1&fire_ts=1767360000&program_id=" + a_.later);
  hers("media_favorites", "save", std::string("favorites=") + kSecret);
  hers("downloads", "save", std::string("downloads=") + kSecret);
  hers("vod", "set_fav", "video_id=5");
  hers("vod", "set_not_ended", "video_id=5&end_time=90&file_id=50");
  hers("radio", "set_fav", "fav_radio=1");
  EXPECT_THAT(Body(a_.Call("account_info", "get_main_info")), HasSubstr(kSecret));
  EXPECT_THAT(Body(a_.Call("stb", "get_profile")), HasSubstr(kSecret));

  const auto theirs = [&](const char* type, const char* action, const std::string& rest = "") {
    return AsOther(theirs_, type, action, rest).Js();
  };
  EXPECT_EQ(theirs("itv", "get_fav_ids"), Json::array());
  EXPECT_EQ(theirs("itv", "get_all_fav_channels", "fav=1")["total_items"], 0);
  for (const Json& row : theirs("itv", "get_all_channels")["data"]) {
    EXPECT_EQ(row["fav"], 0);
    EXPECT_EQ(row["lock"], 0);
  }
  EXPECT_EQ(theirs("stb", "get_tv_aspects"), Json::object());
  EXPECT_EQ(theirs("stb", "get_profile")["last_itv_id"], 0);
  EXPECT_EQ(theirs("stb", "get_profile")["parent_password"], "0000");
  EXPECT_EQ(theirs("tvreminder", "get_all_active"), Json::array());
  EXPECT_EQ(theirs("remote_pvr", "get_active_recordings"), Json::array());
  EXPECT_EQ(theirs("remote_pvr", "get_ordered_list", "p=1")["total_items"], 0);
  EXPECT_EQ(theirs("remote_pvr", "create_link", "cmd=/media/" + a_.recording + ".mpg")["cmd"], "");
  EXPECT_EQ(theirs("media_favorites", "get_all"), "");
  EXPECT_EQ(theirs("downloads", "get_all"), "");
  EXPECT_EQ(theirs("vod", "get_ordered_list", "fav=1&p=1")["total_items"], 0);
  EXPECT_EQ(theirs("vod", "get_ordered_list", "not_ended=1&p=1")["total_items"], 0);
  EXPECT_EQ(theirs("radio", "get_fav_ids"), Json::array());
  for (const Json& row : theirs("itv", "get_short_epg", "ch_id=1&size=10")) {
    EXPECT_EQ(row["mark_memo"], 0);
    EXPECT_EQ(row["mark_rec"], 0);
  }

  // What the other one changes stays on that side.
  EXPECT_EQ(theirs("tv_archive", "update_played_end_time", "hist_id=" + a_.history), false);
  EXPECT_EQ(theirs("remote_pvr", "stop_rec", "rec_id=" + a_.recording), false);
  EXPECT_EQ(theirs("remote_pvr", "stop_record_on_stb", "rec_id=" + a_.on_box), false);
  EXPECT_EQ(theirs("remote_pvr", "del_record_on_stb", "rec_id=" + a_.on_box), false);
  EXPECT_EQ(theirs("remote_pvr", "create_link", "cmd=/media/" + a_.on_box + ".mpg")["cmd"], "");
  theirs("remote_pvr", "del_rec", "rec_id=" + a_.recording);
  theirs("tvreminder", "del", "program_id=" + a_.later);
  theirs("vod", "del_fav", "video_id=5");
  theirs("vod", "set_ended", "video_id=5");
  EXPECT_EQ(a_.Call("remote_pvr", "get_active_recordings").Js().size(), 2u);
  EXPECT_EQ(a_.Call("tvreminder", "get_all_active").Js().size(), 1u);
  EXPECT_EQ(a_.Call("vod", "get_ordered_list", "fav=1&p=1").Js()["total_items"], 1);
  EXPECT_EQ(a_.Call("vod", "get_ordered_list", "not_ended=1&p=1").Js()["total_items"], 1);

  for (const ActionRow& row : PortalTable()) {
    const BoxAnswer answer = AsOther(theirs_, a_.TypeIn(row), a_.ActionIn(row), a_.QueryIn(row));
    EXPECT_THAT(answer.body, Not(HasSubstr(kSecret))) << row.name;
  }
}

// -- Noise --------------------------------------------------------------------------------------

class Noise {
 public:
  std::uint32_t seed = std::random_device{}();

  std::string Value() {
    static const std::vector<std::string> values = {"",
                                                    "0",
                                                    "-1",
                                                    "1",
                                                    "5",
                                                    "NaN",
                                                    "undefined",
                                                    "null",
                                                    "true",
                                                    "99999999999999999999",
                                                    "-9223372036854775808",
                                                    "1e309",
                                                    "%00",
                                                    "%ff%fe",
                                                    "..%2f..%2fetc%2fpasswd",
                                                    "%0d%0aX:%20y",
                                                    "%22%7D%2C%7B",
                                                    "%3Cscript%3E",
                                                    "'%20OR%201=1--",
                                                    "%F0%9F%98%80",
                                                    "%u0041",
                                                    "%",
                                                    "[]",
                                                    "%7B%22a%22%3A%5B%5D%7D",
                                                    "1_5",
                                                    "1_99999999999999999999",
                                                    "/media/file_.mpg",
                                                    "/media/season_8_.mpg",
                                                    "/media/99999999999999999999.mpg",
                                                    "ffrt%20http://localhost/ch/1_",
                                                    "/ch/",
                                                    "/ch/1%00",
                                                    "2026-99-99",
                                                    "9999-12-31%2023:59:59",
                                                    ",,,,",
                                                    "1,1,1,-1,x",
                                                    std::string(5000, 'A'),
                                                    std::string(300, '%')};
    return values[random_() % values.size()];
  }
  // Fields that some action reads, and one that none does.
  std::string Query() {
    static const std::vector<std::string> names = {"cmd",
                                                   "series",
                                                   "ch_id",
                                                   "p",
                                                   "genre",
                                                   "fav",
                                                   "sortby",
                                                   "size",
                                                   "period",
                                                   "date",
                                                   "from",
                                                   "to",
                                                   "from_ts",
                                                   "to_ts",
                                                   "from_ch_id",
                                                   "fav_ch",
                                                   "fav_radio",
                                                   "id",
                                                   "itv_id",
                                                   "hist_id",
                                                   "video_id",
                                                   "end_time",
                                                   "file_id",
                                                   "movie_id",
                                                   "season_id",
                                                   "episode_id",
                                                   "category",
                                                   "cat_alias",
                                                   "years",
                                                   "abc",
                                                   "search",
                                                   "not_ended",
                                                   "rec_id",
                                                   "data",
                                                   "duration",
                                                   "program_id",
                                                   "fire_ts",
                                                   "program_name",
                                                   "favorites",
                                                   "downloads",
                                                   "channels",
                                                   "pass",
                                                   "parent_password",
                                                   "vol",
                                                   "aspect",
                                                   "locale",
                                                   "city",
                                                   "theme",
                                                   "country_id",
                                                   "number",
                                                   "package_id",
                                                   "token",
                                                   "device_id",
                                                   "device_id2",
                                                   "sn",
                                                   "ver",
                                                   "stb_type",
                                                   "login",
                                                   "password",
                                                   "event_active_id",
                                                   "cur_play_type",
                                                   "real_action",
                                                   "param",
                                                   "hd",
                                                   "quality",
                                                   "all",
                                                   "pin",
                                                   "zzz"};
    std::string query;
    for (std::size_t i = random_() % 6 + 1; i > 0; --i) {
      query += "&" + names[random_() % names.size()] + "=" + Value();
    }
    return query;
  }
  std::size_t Below(std::size_t n) { return random_() % n; }

 private:
  std::mt19937 random_{seed};
};

TEST_F(PortalSecurityTest, NoiseInAnyActionGetsStatus200AndTheActionsShape) {
  Noise noise;
  SCOPED_TRACE("seed " + std::to_string(noise.seed));
  std::map<std::string, std::string> shapes;
  for (const ActionRow& row : PortalTable()) {
    std::string& shape = shapes[row.name];
    shape += (shape.empty() ? "" : " | ") + row.shape;
  }
  for (auto& [name, shape] : shapes) {
    shape += " | false";
    shape.erase(std::remove(shape.begin(), shape.end(), '+'), shape.end());
  }
  // With other parameters a list may hold another kind of row, and a page of other things.
  shapes["stb/get_profile"] += " | {status:int,msg?:str,block_msg?:str}";
  for (const ActionRow& row : PortalTable()) {
    if (row.name == "stb/logout") continue;
    for (int i = 0; i < 6; ++i) {
      const std::string query =
          "type=" + a_.TypeIn(row) + "&action=" + a_.ActionIn(row) + noise.Query();
      SCOPED_TRACE(query.substr(0, 600));
      BoxRequest request{.authorization = "Bearer " + ours_};
      if (noise.Below(4) == 0) {
        request.method = "POST";
        request.body = query;
      } else {
        request.query = query;
      }
      if (noise.Below(8) == 0) request.cookie += "; timezone=" + noise.Value();
      const BoxAnswer answer = a_.Send(request);
      ASSERT_EQ(answer.status, 200);
      EXPECT_EQ(Misfit(answer.Js(), shapes[row.name], PortalShapes()), "");
    }
  }
  EXPECT_NE(a_.Zap(1), "");
}

TEST(AppsNoiseTest, PlayerApiAndOssAnswerNoiseInTheirForms) {
  Noise noise;
  SCOPED_TRACE("seed " + std::to_string(noise.seed));
  OssConfig oss;
  oss.enabled = true;
  AppsFixture app({.oss = oss, .oss_credentials = "crm:a-long-secret"});
  app.box().HaveEverything();
  app.HaveLogin();
  const std::string who = "username=ada&password=s%2Fe%2Bc%20r%26t";
  for (const char* action :
       {"", "get_live_categories", "get_live_streams", "get_vod_categories", "get_vod_streams",
        "get_series_categories", "get_series", "get_vod_info", "get_series_info", "get_short_epg",
        "get_simple_data_table", "get_simple_date_table", "nonsense"}) {
    for (int i = 0; i < 6; ++i) {
      std::string query = who + "&action=" + action;
      for (const char* field : {"category_id", "vod_id", "series_id", "stream_id", "limit"}) {
        if (noise.Below(2) == 0) query += std::string("&") + field + "=" + noise.Value();
      }
      SCOPED_TRACE(query.substr(0, 600));
      const AppAnswer answer = app.Get("/player_api.php?" + query);
      EXPECT_EQ(answer.status, 200) << answer.body.substr(0, 300);
      EXPECT_FALSE(Json::parse(answer.body, nullptr, false).is_discarded());
    }
  }
  const AppsFixture::Headers script = {{"Authorization", "Bearer a-long-secret"}};
  for (const char* resource : {"accounts", "users", "account_subscription", "stb", "stb_auth",
                               "stb_msg", "send_event", "stb_modules", "itv_subscription",
                               "tariffs", "services_package", "itv", "epg", "nonsense"}) {
    for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
      std::string target = std::string("/stalker_portal/api/") + resource;
      if (noise.Below(3) != 0) target += "/" + noise.Value();
      std::string body = "status=" + noise.Value() + noise.Query();
      SCOPED_TRACE(std::string(method) + " " + target.substr(0, 300) + " " + body.substr(0, 300));
      const AppAnswer answer =
          app.Send(method, target, script, std::string_view(method) == "GET" ? "" : body);
      if (answer.status == 400 || answer.status == 414) continue;  // no address at all
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(Misfit(answer.AsJson(),
                       "{status:\"OK\",results:any} | {status:\"ERROR\",results:null,error:str}"),
                "");
    }
  }
  EXPECT_EQ(app.Get("/player_api.php?" + who).status, 200);
}

}  // namespace
}  // namespace holdfast::middleware
