#include "tests/sim/scenario.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/sim/page.h"

namespace holdfast::sim {
namespace {

class ScenarioTest : public testing::TestWithParam<Scenario> {};

// Big ones run by hand: what the pages show of them is what `sim` saw last.
std::vector<Scenario> UsualScenarios() {
  std::vector<Scenario> scenarios = AllScenarios();
  std::erase_if(scenarios, [](const Scenario& s) { return s.size == Scenario::Size::kBig; });
  return scenarios;
}

TEST_P(ScenarioTest, KeepsItsClaimsAndIsWhatThePagesShow) {
  const Report report = GetParam().run(kPageSeed);
  EXPECT_TRUE(report.holds()) << report.Text();
  EXPECT_NE(ReadPage(std::string(kPage)).find(Section(GetParam(), report)), std::string::npos)
      << kPage << " shows something else; sim --page " << kPage << " writes it\n"
      << report.Text();
  EXPECT_FALSE(GetParam().main.empty());
  EXPECT_NE(ReadPage(std::string(kSummaryPage)).find(SummaryRow(GetParam(), report)),
            std::string::npos)
      << kSummaryPage << " shows something else; sim --summary " << kSummaryPage << " writes it\n"
      << SummaryRow(GetParam(), report);
}

TEST(Page, ShowsTheBigScenarios) {
  for (const Scenario& scenario : AllScenarios()) {
    if (scenario.size != Scenario::Size::kBig) continue;
    const std::string command = "`sim " + std::string(scenario.name) + "`";
    EXPECT_NE(ReadPage(std::string(kPage)).find(command + ": "), std::string::npos) << command;
    EXPECT_NE(ReadPage(std::string(kSummaryPage)).find(command + " |"), std::string::npos)
        << command;
  }
}

INSTANTIATE_TEST_SUITE_P(, ScenarioTest, testing::ValuesIn(UsualScenarios()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace holdfast::sim
