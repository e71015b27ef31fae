#include "tests/sim/scenario.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/sim/page.h"

namespace holdfast::sim {
namespace {

class ScenarioTest : public testing::TestWithParam<Scenario> {};

TEST_P(ScenarioTest, KeepsItsClaimsAndIsWhatThePageShows) {
  const Report report = GetParam().run(kPageSeed);
  EXPECT_TRUE(report.holds()) << report.Text();
  EXPECT_NE(ReadPage(std::string(kPage)).find(Section(GetParam(), report)), std::string::npos)
      << kPage << " shows something else; sim --page " << kPage << " writes it\n"
      << report.Text();
}

INSTANTIATE_TEST_SUITE_P(, ScenarioTest, testing::ValuesIn(AllScenarios()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace holdfast::sim
