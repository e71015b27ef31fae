// The reasons of refusals: one list, in the code, in the details of errors and in docs/billing.md.
#include "services/billing/refusal.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "libs/base/status.h"
#include "libs/rpc/error_info.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

// Tests run in the repository's root.
std::string TextOf(const fs::path& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.good()) << path << " is not there: run this in the root of the repository";
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::set<std::string> Listed() {
  std::set<std::string> words;
  const auto* list = v1::RefusalReason_descriptor();
  for (int i = 0; i < list->value_count(); ++i) {
    if (list->value(i)->number() == 0) continue;
    words.insert(WordOf(static_cast<v1::RefusalReason>(list->value(i)->number())));
  }
  return words;
}

// Every quoted text that is, or begins with, a word and a colon or is one of the list by itself.
std::set<std::string> Written(const std::set<std::string>& listed) {
  std::set<std::string> words;
  const std::regex begins(R"re("([a-z]+(?:_[a-z]+)*): )re");
  const std::regex alone(R"re("([a-z]+(?:_[a-z]+)*)")re");
  for (const auto& file : fs::recursive_directory_iterator("services/billing")) {
    const std::string name = file.path().filename().string();
    if (!name.ends_with(".cpp") || name.ends_with("_test.cpp")) continue;
    const std::string text = TextOf(file.path());
    for (std::sregex_iterator it(text.begin(), text.end(), begins), end; it != end; ++it) {
      words.insert((*it)[1]);
    }
    for (std::sregex_iterator it(text.begin(), text.end(), alone), end; it != end; ++it) {
      if (listed.contains((*it)[1])) words.insert((*it)[1]);
    }
  }
  return words;
}

TEST(RefusalTest, ARefusalSaysWhyInItsDetails) {
  const absl::Status refused = FailedPrecondition("insufficient_funds: {} are asked for", 5);
  EXPECT_EQ(RefusalOf(refused), v1::INSUFFICIENT_FUNDS);
  EXPECT_EQ(rpc::ReasonOf(refused), std::nullopt);
  const absl::Status told = Explained(refused);
  EXPECT_EQ(told.code(), refused.code());
  EXPECT_EQ(told.message(), refused.message());
  EXPECT_EQ(rpc::ReasonOf(told), (rpc::ErrorReason{"INSUFFICIENT_FUNDS", "billing.holdfast"}));
}

TEST(RefusalTest, WhatIsNoReasonIsLeftAsItIs) {
  for (const char* text :
       {"", ":", "account ann unknown", "a: b", "INSUFFICIENT_FUNDS: x",
        "refusal_reason_unspecified: x", "insufficient_funds", "insufficient funds: x"}) {
    const absl::Status status = absl::FailedPreconditionError(text);
    EXPECT_EQ(RefusalOf(status), std::nullopt) << text;
    EXPECT_EQ(Explained(status), status) << text;
  }
  EXPECT_TRUE(Explained(absl::OkStatus()).ok());
}

TEST(RefusalTest, EveryReasonOfTheListIsGivenSomewhere) {
  const std::set<std::string> listed = Listed();
  const std::set<std::string> written = Written(listed);
  for (const std::string& word : listed) EXPECT_TRUE(written.contains(word)) << word;
}

// FailedPrecondition("word: ...") and its like.
TEST(RefusalTest, EveryReasonThatIsGivenIsInTheList) {
  const std::set<std::string> listed = Listed();
  const std::regex refusal(
      R"re((?:FailedPrecondition|AlreadyExists|PermissionDenied)\(\s*"([a-z_]+): )re");
  int seen = 0;
  for (const auto& file : fs::recursive_directory_iterator("services/billing")) {
    const std::string name = file.path().filename().string();
    if (!name.ends_with(".cpp") || name.ends_with("_test.cpp")) continue;
    const std::string text = TextOf(file.path());
    for (std::sregex_iterator it(text.begin(), text.end(), refusal), end; it != end; ++it) {
      ++seen;
      EXPECT_TRUE(listed.contains((*it)[1])) << (*it)[1] << " in " << name;
    }
  }
  EXPECT_GT(seen, 30);
}

TEST(RefusalTest, EveryReasonIsDocumented) {
  const std::string page = TextOf("docs/billing.md");
  std::vector<std::string> missing;
  for (const std::string& word : Listed()) {
    if (page.find("`" + word + "`") == page.npos) missing.push_back(word);
  }
  EXPECT_THAT(missing, IsEmpty());
}

}  // namespace
}  // namespace holdfast::billing
