// What boxes rely on, action by action: PortalTable against the portal.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "libs/testing/status_matchers.h"
#include "services/middleware/portal_table_test.h"

namespace holdfast::middleware {
namespace {

std::set<std::string> NamesInTable() {
  std::set<std::string> names;
  for (const ActionRow& row : PortalTable()) names.insert(row.name);
  return names;
}

TEST(PortalGoldenTest, EveryActionHasARowAndEveryRowAnAction) {
  GoldenPortal box;
  const std::vector<std::string> names = box.portal().actions().Names();
  EXPECT_GT(names.size(), 90u);
  EXPECT_THAT(NamesInTable(), testing::ElementsAreArray(names));
}

TEST(PortalGoldenTest, EveryAnswerHasExactlyTheShapeOfItsRow) {
  GoldenPortal box;
  ASSERT_NE(box.recording, "");
  for (const ActionRow& row : PortalTable()) {
    SCOPED_TRACE(row.name + "?" + box.QueryIn(row));
    const BoxAnswer answer = box.Call(row);
    const Json js = answer.Js();
    EXPECT_EQ(Misfit(js, row.shape, PortalShapes()), "") << answer.body.substr(0, 1500);
    const Json envelope = Json::parse(answer.body);
    EXPECT_EQ(Misfit(envelope, "{js:any,text:str}"), "");
  }
}

TEST(PortalGoldenTest, TheAccountPageTellsHowLongItIsPaid) {
  GoldenPortal box;
  billing::v1::Entitlement entitlement;
  entitlement.set_account_id("acc-1");
  entitlement.set_revision(1000);
  entitlement.set_status(billing::v1::Entitlement::STATUS_ACTIVE);
  entitlement.add_package_ids("basic");
  entitlement.mutable_valid_until()->set_seconds(kNowSeconds + 10 * 86'400 + 5);
  ASSERT_TRUE(box.portal()
                  .entitlements()
                  .feed()
                  .Apply({.kind = replica::Update::Kind::kDelta,
                          .epoch = "test",
                          .revision = 1000,
                          .items = {{"acc-1", MakeShared(entitlement.SerializeAsString())}}})
                  .ok());
  const Json js = box.Call("account_info", "get_main_info").Js();
  EXPECT_EQ(js["end_date"], "12.01.2026 (10 days)");
  EXPECT_EQ(box.Call("stb", "get_profile").Js()["expire_billing_date"], "2026-01-12 10:00:05");
}

TEST(PortalGoldenTest, AMessageHasExactlyTheFieldsOfAnEvent) {
  GoldenPortal box;
  v1::BoxEvent event;
  event.set_event_id(77);
  event.set_event("send_msg");
  event.set_text("Hello");
  event.set_needs_confirmation(true);
  event.set_expires_at_ms((kNowSeconds + 3600) * 1000);
  ASSERT_THAT(box.portal().events().replica().Apply(
                  {.kind = replica::Update::Kind::kFull,
                   .epoch = "test",
                   .revision = 1,
                   .items = {{"77", MakeShared(event.SerializeAsString())}}}),
              test::IsOk());
  EXPECT_EQ(Misfit(box.Call("watchdog", "get_events").Js(),
                   "{data:{msgs:1,id:\"77\",event:\"send_msg\",need_confirm:\"1\",msg:\"Hello\","
                   "reboot_after_ok:\"0\",auto_hide_timeout:\"0\",param1:\"\","
                   "additional_services_on:str}}"),
            "");
}

// What goes out instead of an answer when there is too much to do.
TEST(PortalGoldenTest, WhatIsTurnedAwayInAnOverloadStillHasItsShapeOrIsFalse) {
  GoldenPortal box;
  for (const ActionRow& row : PortalTable()) {
    SCOPED_TRACE(row.name);
    if (row.shape == "false") continue;  // a row about nonsense
    BoxRequest request;
    request.query =
        "type=" + box.TypeIn(row) + "&action=" + box.ActionIn(row) + "&" + box.QueryIn(row);
    request.authorization = "Bearer " + box.token;
    request.admitted = Criticality::kCritical;
    const BoxAnswer answer = box.Send(request);
    const Shedding shedding = SheddingOf(box.TypeIn(row), box.ActionIn(row));
    if (shedding.looks_itself && answer.status == 503) continue;  // see portal_shedding.h
    const Json js = answer.Js();
    if (shedding.criticality == Criticality::kCritical || js == false) continue;
    std::string shape = row.shape;
    shape.erase(std::remove(shape.begin(), shape.end(), '+'), shape.end());  // empty lists are fine
    EXPECT_EQ(Misfit(js, shape, PortalShapes()), "");
  }
}

}  // namespace
}  // namespace holdfast::middleware
