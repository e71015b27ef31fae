// An app of the operator's own in front of REST v1: two accounts, a real database; and what was
// asked and answered, for the check against the document.
#pragma once

#include <gmock/gmock.h>

#include <fstream>
#include <span>
#include <string>
#include <utility>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/billing_stub_test.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/rest_api.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

class RestFixture : public testing::Test {
 protected:
  explicit RestFixture(const std::string& billing = "127.0.0.1:1")
      : app_({.postgres = options_, .billing = billing}) {}

  void SetUp() override {
    telemetry::Metrics metrics;
    storage::PgPool pool(options_, metrics);
    ASSERT_THAT(storage::Migrate(pool, Migrations(), Deadline::After(std::chrono::seconds(10))),
                test::IsOk());
    app_.box().HaveEverything();
    app_.HaveLogin("ada", "pa", "acc-1");
    app_.HaveLogin("bob", "pb", "acc-2");
    app_.box().HaveEntitlement("acc-2", {"basic", "sport"});
  }

  static std::string LoginBody(const std::string& login, const std::string& password,
                               const std::string& device = "phone") {
    return Json({{"login", login}, {"password", password}, {"device", device}}).dump();
  }
  std::string TokenOf(const std::string& login, const std::string& device = "phone") {
    const AppAnswer answer =
        app_.Send("POST", "/v1/login", {}, LoginBody(login, login == "ada" ? "pa" : "pb", device));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.status == 200 ? answer.AsJson()["token"].get<std::string>() : "";
  }
  AppAnswer As(const std::string& token, const std::string& method, const std::string& target,
               const std::string& body = "", AppsFixture::Headers headers = {}) {
    headers.emplace_back("Authorization", "Bearer " + token);
    return app_.Send(method, target, std::move(headers), body);
  }

  // Of account acc-1, without a call for each.
  void HaveResumePoints(std::size_t count) {
    telemetry::Metrics metrics;
    storage::PgPool pool(options_, metrics);
    const std::string text = TextOf(ResumePoint{.position_seconds = 1});
    ASSERT_THAT(pool.Query(Deadline::After(std::chrono::seconds(10)),
                           "INSERT INTO viewer_item (viewer, kind, item_key, content, at_ms) "
                           "SELECT 'acc-1', 1, n, $2, 1000 + n "
                           "FROM generate_series(1, $1::bigint) AS n ON CONFLICT DO NOTHING",
                           static_cast<std::int64_t>(count), storage::PgParam::Bytes(text)),
                test::IsOk());
  }

  // Of account acc-1: titles, and until when each is rented.
  void HaveRentals(const std::vector<std::pair<int, std::int64_t>>& rentals) {
    app_.box().HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_ACTIVE,
                               rentals);
  }

  // Films 5 ("Alpha", 6+), 6 ("Beta", 18+) and 7 ("Gamma", package sport), series 8 ("Delta") with
  // one episode, 9 ("Echo", for rent once there are packages), all of category 3 ("Drama": Dark,
  // Light).
  void HaveCatalogue() {
    replica::Update update{.kind = replica::Update::Kind::kFull, .epoch = "test", .revision = 1};
    const auto put = [&](const std::string& key, const v1::CatalogueItem& item) {
      update.items.emplace_back(key, MakeShared(item.SerializeAsString()));
    };
    v1::CatalogueItem category;
    category.mutable_category()->set_category_id(3);
    category.mutable_category()->set_title("Drama");
    category.mutable_category()->add_genres("Dark");
    category.mutable_category()->add_genres("Light");
    put("c3", category);
    put("t5", Title(5, "Alpha", "6+", ""));
    put("t6", Title(6, "Beta", "18+", ""));
    put("t7", Title(7, "Gamma", "", "sport"));
    v1::CatalogueItem series = Title(8, "Delta", "", "");
    v1::VodEpisode& episode = *series.mutable_title()->add_seasons()->add_episodes();
    series.mutable_title()->mutable_seasons(0)->set_number(1);
    episode.set_number(1);
    *episode.add_files() = series.title().files(0);
    series.mutable_title()->clear_files();
    put("t8", series);
    put("t9", Title(9, "Echo", "", "cinema"));
    ASSERT_THAT(app_.box().portal().models().catalogue_replica().Apply(update), test::IsOk());
  }
  static v1::CatalogueItem Title(int id, const std::string& name, const std::string& age,
                                 const std::string& package) {
    v1::CatalogueItem item;
    v1::VodTitle& title = *item.mutable_title();
    title.set_title_id(id);
    title.set_category_id(3);
    title.set_name(name);
    title.set_age(age);
    title.set_package_id(package);
    title.add_genre_ids(2);
    title.set_added_at(1700000000 + id);
    v1::VodFile& file = *title.add_files();
    file.set_file_id(id * 10);
    file.set_directory("vod/film-" + std::to_string(id));
    file.set_file("film.mkv");
    file.add_subtitles()->set_address("http://s/" + std::to_string(id) + ".vtt");
    return item;
  }

  test::TestPostgres& server_ = test::TestPostgres::Shared();
  const storage::PgOptions options_{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                                    .database = server_.NewDatabase(),
                                    .user = server_.user()};
  AppsFixture app_;
};

struct HasBillingStub {
  BillingStub billing_;
};

// Writes down what was asked and answered, for the check against the document.
class RestNotes : public HasBillingStub, public RestFixture {
 protected:
  RestNotes() : RestFixture(billing_.address()) {}

  AppAnswer Note(const std::string& path, const std::string& method, const std::string& target,
                 const std::string& body = "", AppsFixture::Headers headers = {}) {
    return NoteOf(app_, path, method, target, body, std::move(headers));
  }
  AppAnswer NoteOf(AppsFixture& app, const std::string& path, const std::string& method,
                   const std::string& target, const std::string& body,
                   AppsFixture::Headers headers) {
    headers.emplace_back("Authorization", "Bearer " + token_);
    const AppAnswer answer = app.Send(method, target, std::move(headers), body);
    exchanges_ << Json({{"method", method},
                        {"path", path},
                        {"status", answer.status},
                        {"content_type", answer.content_type},
                        {"body", answer.body},
                        {"request", body}})
                      .dump()
               << "\n";
    return answer;
  }
  // A list: whole, unchanged, and without a token.
  void NoteList(const std::string& path, const std::string& target) {
    const AppAnswer answer = Note(path, "GET", target);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(Note(path, "GET", target, "", {{"If-None-Match", answer.etag}}).status, 304);
    NoteStranger(path, "GET", target);
  }
  void NoteStranger(const std::string& path, const std::string& method, const std::string& target,
                    const std::string& body = "") {
    const std::string token = std::exchange(token_, "a.b.c");
    EXPECT_EQ(Note(path, method, target, body).status, 401) << target;
    token_ = token;
  }

  std::string token_;
  test::TempDir dir_;
  std::ofstream exchanges_{dir_.File("exchanges")};
};

}  // namespace holdfast::middleware
