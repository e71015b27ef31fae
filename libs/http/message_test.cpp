#include "libs/http/message.h"

#include <gmock/gmock.h>

namespace holdfast::http {
namespace {

using testing::ElementsAre;

TEST(FormTest, DecodesNamesAndValuesOnce) {
  const Form form("type=stb&action=get%5Fprofile&name=a+b%2Bc&cmd=ffrt%20http://localhost/ch/1_");
  EXPECT_EQ(form.Get("type"), "stb");
  EXPECT_EQ(form.Get("action"), "get_profile");
  EXPECT_EQ(form.Get("name"), "a b+c");
  EXPECT_EQ(form.Get("cmd"), "ffrt http://localhost/ch/1_");
}

TEST(FormTest, TakesWhatBoxesSendUnencoded) {
  const Form form("cmd=auto /media/1.mpg?a=b:c@d,e|f^{g}\"<h>&mac=00:1A:79:12:34:56&x=100%&y=%zz");
  EXPECT_EQ(form.Get("cmd"), "auto /media/1.mpg?a=b:c@d,e|f^{g}\"<h>");
  EXPECT_EQ(form.Get("mac"), "00:1A:79:12:34:56");
  EXPECT_EQ(form.Get("x"), "100%");
  EXPECT_EQ(form.Get("y"), "%zz");
}

TEST(FormTest, FirstValueOfANameWins) {
  Form form("a=1&a=2");
  form.Merge("a=3&b=4&b=5");
  EXPECT_EQ(form.Get("a"), "1");
  EXPECT_EQ(form.Get("b"), "4");
  EXPECT_EQ(form.fields().size(), 2u);
}

TEST(FormTest, NamesWithBracketsCollectWithinOneMessage) {
  Form form("subscribed[]=x&subscribed%5B%5D=y");
  form.Merge("subscribed[]=z");
  EXPECT_THAT(form.All("subscribed[]"), ElementsAre("x", "y"));
}

TEST(FormTest, ToleratesEmptyParts) {
  const Form form("&&a&=b&c=&");
  EXPECT_TRUE(form.Has("a"));
  EXPECT_EQ(form.Get("a"), "");
  EXPECT_EQ(form.Get(""), "b");
  EXPECT_TRUE(form.Has("c"));
  EXPECT_FALSE(form.Has("d"));
}

TEST(FormTest, NumbersIgnoreTheNoiseOfBoxes) {
  const Form form("a=12&b=-3&c=undefined&d=NaN&e=&f=1.5&g=99999999999999999999&h=+7&i=7x");
  EXPECT_EQ(form.Int("a", 0), 12);
  EXPECT_EQ(form.Int("b", 0), -3);
  EXPECT_EQ(form.Int("h", 0), 7);
  for (const char* noise : {"c", "d", "e", "f", "g", "i", "absent"}) {
    EXPECT_EQ(form.Int(noise, 42), 42) << noise;
  }
}

TEST(FormTest, AFloodOfNamesIsCutOff) {
  std::string flood;
  for (int i = 0; i < 100'000; ++i) flood += "a" + std::to_string(i) + "=1&";
  EXPECT_EQ(Form(flood).fields().size(), 1000u);
}

TEST(CookieTest, FindsRawAndEncodedValues) {
  const std::string_view raw = "mac=00:1A:79:12:34:56; stb_lang=en; timezone=Europe/London";
  EXPECT_EQ(CookieValue(raw, "mac"), "00:1A:79:12:34:56");
  EXPECT_EQ(CookieValue(raw, "timezone"), "Europe/London");
  EXPECT_EQ(CookieValue("PHPSESSID=null;mac=00%3A1A%3A79%3a12%3A34%3A56", "mac"),
            "00:1A:79:12:34:56");
}

TEST(CookieTest, ToleratesWhatIsNotACookie) {
  EXPECT_EQ(CookieValue("", "mac"), "");
  EXPECT_EQ(CookieValue(";;=;mac", "mac"), "");
  EXPECT_EQ(CookieValue("xmac=1; mac = 2 ;mac=3", "mac"), "2");
  EXPECT_EQ(CookieValue("a=b=c", "a"), "b=c");
}

TEST(ReasonPhraseTest, KnowsWhatWeAnswer) {
  EXPECT_EQ(ReasonPhrase(200), "OK");
  EXPECT_EQ(ReasonPhrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(ReasonPhrase(299), "Unknown");
}

}  // namespace
}  // namespace holdfast::http
