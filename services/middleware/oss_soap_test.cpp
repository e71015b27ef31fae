// The OSS API by SOAP without its neighbours: what a message says, hostile ones, which calls of the
// resources it becomes, and the forms of answers.
#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"
#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/oss_soap.h"

namespace holdfast::middleware {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As PHP's SoapClient writes it.
std::string Message(const std::string& inside, const std::string& before = "") {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + before +
         "<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\""
         " xmlns:ns1=\"http://x/api/soap.php\""
         " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><SOAP-ENV:Body>" +
         inside + "</SOAP-ENV:Body></SOAP-ENV:Envelope>\n";
}

TEST(SoapMessageTest, ParametersBecomeFieldsAndListsManyOfOneName) {
  const auto message = ParseSoap(Message(
      "<ns1:UpdateAccountOptionalSubscription><params xsi:type=\"ns1:SearchCondition\">"
      "<login xsi:type=\"xsd:string\">a &amp; b</login><stb_mac xsi:nil=\"true\"/></params>"
      "<subscription><subscribe><item>sport</item><item>film</item></subscribe></subscription>"
      "</ns1:UpdateAccountOptionalSubscription>"));
  ASSERT_THAT(message, test::IsOk());
  EXPECT_EQ(message->operation, "UpdateAccountOptionalSubscription");
  EXPECT_EQ(message->fields.Get("login"), "a & b");
  EXPECT_FALSE(message->fields.Has("stb_mac"));  // what is empty says nothing
  EXPECT_THAT(message->fields.All("subscribe[]"), ElementsAre("sport", "film"));
}

TEST(SoapMessageTest, ADocumentTypeIsRefusedBeforeItIsRead) {
  const std::string operation =
      "<GetAccountInfo><params><login>&a;</login></params></GetAccountInfo>";
  for (const std::string& type :
       {std::string("<!DOCTYPE x>"),
        std::string("<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>"),
        std::string("<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\">"),
        std::string("<!DOCTYPE x [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY a \"&b;&b;&b;&b;\">]>"),
        std::string("<!DOCTYPE x [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]>")}) {
    const auto message = ParseSoap(Message(operation, type));
    EXPECT_THAT(message, test::HasCode(absl::StatusCode::kInvalidArgument)) << type;
  }
  EXPECT_FALSE(ParseSoap(Message(operation)).ok());  // an entity that nobody declared
}

TEST(SoapMessageTest, WhatIsNoMessageIsRefused) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "<a>";
  std::string fields;
  for (int i = 0; i < 1001; ++i) fields += "<f>x</f>";
  for (const std::string& wrong :
       {std::string(), std::string("<"), std::string("nonsense"), std::string("<Envelope/>"),
        std::string("\xff\xfe<\0", 4), Message(""), Message("text"), Message(deep),
        Message("<a><p><f href=\"#1\"/></p></a>"), Message("<a><p href=\"#1\"/></a>"),
        Message("<a><p><f><g><h>x</h></g></f></p></a>"), Message("<a><p>" + fields + "</p></a>"),
        Message("<a/>").substr(0, 150), std::string(kLongestSoapMessage + 1, ' '),
        std::string(
            "<E xmlns=\"http://www.w3.org/2003/05/soap-envelope\"><Body><a/></Body></E>")}) {
    EXPECT_THAT(ParseSoap(wrong), test::HasCode(absl::StatusCode::kInvalidArgument))
        << wrong.substr(0, 200);
  }
}

class SoapAnswerTest : public testing::Test {
 protected:
  http::Response Ask(const std::string& inside) {
    caller_.actor = "crm";
    caller_.idempotency_key = "key";
    return AnswerSoap(Message(inside), "http://x/a?b=1&c", caller_, [this](const OssCall& call) {
      asked_.push_back(call);
      if (call.action == OssAction::kGet && get_ != nullptr) return get_(call);
      return answer_;
    });
  }
  OssCall caller_;
  std::vector<OssCall> asked_;
  OssAnswer answer_ = std::string(kOssTrue);
  std::function<OssAnswer(const OssCall&)> get_;
};

TEST_F(SoapAnswerTest, AnOperationIsACallOfAResource) {
  const http::Response created =
      Ask("<CreateAccount><params><login>ada</login><password>pw</password><status>1</status>"
          "<tariff_plan/></params></CreateAccount>");
  EXPECT_EQ(created.status, 200);
  EXPECT_EQ(created.content_type, "text/xml; charset=utf-8");
  EXPECT_THAT(created.text, HasSubstr("<ns1:CreateAccountResponse><return xsi:type=\"xsd:boolean\">"
                                      "true</return></ns1:CreateAccountResponse>"));
  EXPECT_THAT(created.text, HasSubstr("xmlns:ns1=\"http://x/a?b=1&amp;c\""));
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].action, OssAction::kCreate);
  EXPECT_EQ(asked_[0].resource, "users");
  EXPECT_EQ(asked_[0].form.Get("password"), "pw");
  EXPECT_FALSE(asked_[0].Has("tariff_plan"));
  EXPECT_EQ(asked_[0].actor, "crm");
  EXPECT_EQ(asked_[0].idempotency_key, "key");

  Ask("<UpdateAccount><params><login>ada</login><full_name>A</full_name></params></UpdateAccount>");
  EXPECT_EQ(asked_[1].action, OssAction::kUpdate);
  EXPECT_THAT(asked_[1].ids, ElementsAre("ada"));
  Ask("<DeleteAccount><params><stb_mac>00-1a-79-00-00-01</stb_mac></params></DeleteAccount>");
  EXPECT_EQ(asked_[2].action, OssAction::kDelete);
  EXPECT_THAT(asked_[2].ids, ElementsAre("00:1A:79:00:00:01"));
  EXPECT_TRUE(asked_[2].by_mac);
  Ask("<UpdateAccountOptionalSubscription><params><login>ada</login></params><s><subscribe>"
      "<item>sport</item></subscribe><unsubscribe><item>film</item></unsubscribe></s>"
      "</UpdateAccountOptionalSubscription>");
  EXPECT_EQ(asked_[3].resource, "account_subscription");
  EXPECT_TRUE(asked_[3].by_login);
  EXPECT_THAT(asked_[3].form.All("subscribed[]"), ElementsAre("sport"));
  EXPECT_THAT(asked_[3].form.All("unsubscribed[]"), ElementsAre("film"));
}

TEST_F(SoapAnswerTest, CreateOrUpdateDoesWhatIsNeeded) {
  const std::string account =
      "<CreateOrUpdateAccount><p><login>ada</login></p></CreateOrUpdateAccount>";
  get_ = [](const OssCall&) -> OssAnswer { return absl::NotFoundError("Account not found"); };
  EXPECT_EQ(Ask(account).status, 200);
  EXPECT_EQ(asked_.back().action, OssAction::kCreate);
  get_ = [](const OssCall&) -> OssAnswer { return std::string("{}"); };
  EXPECT_EQ(Ask(account).status, 200);
  EXPECT_EQ(asked_.back().action, OssAction::kUpdate);
  asked_.clear();
  get_ = [](const OssCall&) -> OssAnswer { return absl::UnavailableError("billing is away"); };
  EXPECT_EQ(Ask(account).status, 500);
  EXPECT_EQ(asked_.size(), 1u);  // nothing is made of not knowing
}

TEST_F(SoapAnswerTest, AnAccountIsShownWithItsPackages) {
  get_ = [](const OssCall& call) -> OssAnswer {
    EXPECT_THAT(call.ids, ElementsAre("ada"));
    return std::string(R"({"login":"ada","full_name":"A <&> B","status":1,"stb_mac":"",)"
                       R"("subscribed":["sport","film"],"stb_macs":[]})");
  };
  const http::Response answer = Ask("<GetAccountInfo><p><login>ada</login></p></GetAccountInfo>");
  EXPECT_THAT(answer.text, HasSubstr("<return xsi:type=\"ns1:AccountInfo\"><login "));
  EXPECT_THAT(answer.text, HasSubstr(">A &lt;&amp;&gt; B</full_name>"));
  EXPECT_THAT(answer.text, HasSubstr("<status xsi:type=\"xsd:int\">1</status>"));
  EXPECT_THAT(answer.text, HasSubstr("arrayType=\"xsd:string[2]\""));
  EXPECT_THAT(answer.text, HasSubstr(">sport</item><item "));
}

TEST_F(SoapAnswerTest, FaultsHaveTheCodesThatScriptsCompare) {
  const auto fault = [&](absl::Status status) {
    answer_ = std::move(status);
    const http::Response answer = Ask("<CreateAccount><p><login>ada</login></p></CreateAccount>");
    EXPECT_EQ(answer.status, 500);
    const std::size_t at = answer.text.find("<faultcode>");
    return answer.text.substr(at, answer.text.find("<detail>") - at);
  };
  const auto words = [](const std::string& code, const std::string& text) {
    return "<faultcode>" + code + "</faultcode><faultstring>" + text + "</faultstring>";
  };
  EXPECT_EQ(fault(absl::NotFoundError("Account not found")), words("4", "Account not found"));
  EXPECT_EQ(fault(absl::InvalidArgumentError("Login required")),
            words("5", "Missing required param"));
  EXPECT_EQ(fault(absl::InvalidArgumentError("Not valid mac address")),
            words("2", "Wrong MAC address format"));
  EXPECT_EQ(fault(absl::AlreadyExistsError("MAC address already in use")),
            words("7", "MAC address already in use"));
  EXPECT_EQ(fault(absl::NotFoundError("Package x is not offered to the account")),
            words("6", "Subscription update error"));
  EXPECT_EQ(fault(absl::UnavailableError("a <b>")), words("500", "Server error"));
  EXPECT_THAT(SoapFault(absl::UnavailableError("a <b>")).text,
              HasSubstr("<detail>a &lt;b&gt;</detail>"));
  asked_.clear();
  for (const char* wrong : {"<Explode/>", "<UpdateAccount/>", "<GetAccountInfo/>",
                            "<DeleteAccount><p><stb_mac>x</stb_mac></p></DeleteAccount>"}) {
    EXPECT_EQ(Ask(wrong).status, 500) << wrong;
  }
  EXPECT_THAT(asked_, IsEmpty());
}

TEST(SoapServedTest, OnlyWhereItIsSwitchedOnAndForWhoMay) {
  FixtureOptions options;
  options.oss.enabled = true;
  options.oss_credentials = "crm:a-long-secret";
  const AppsFixture::Headers crm = {{"Authorization", "Bearer a-long-secret"}};
  AppsFixture off(options);
  EXPECT_THAT(off.Get("/api/soap.php?wsdl", crm).body, HasSubstr("does not exist"));
  options.oss.soap = true;
  AppsFixture on(options);
  EXPECT_EQ(on.Get("/stalker_portal/api/soap.php?wsdl").status, 401);
  const AppAnswer wsdl = on.Get("/stalker_portal/api/soap.php?wsdl", crm);
  EXPECT_EQ(wsdl.status, 200);
  EXPECT_EQ(wsdl.content_type, "text/xml; charset=utf-8");
  EXPECT_THAT(wsdl.body, HasSubstr("<soap:address location=\"" + on.url() +
                                   "/stalker_portal/api/soap.php\"/>"));
  for (const char* operation :
       {"CreateOrUpdateAccount", "CreateAccount", "UpdateAccount", "GetAccountInfo",
        "DeleteAccount", "UpdateAccountOptionalSubscription"}) {
    EXPECT_THAT(wsdl.body, HasSubstr("<soap:operation soapAction=\"" + on.url() +
                                     "/stalker_portal/api/soap.php#" + operation + "\"/>"));
  }
  const AppAnswer wrong = on.Send("POST", "/api/soap.php", crm, "<nonsense/>");
  EXPECT_EQ(wrong.status, 500);
  EXPECT_THAT(wrong.body, HasSubstr("<faultcode>500</faultcode>"));
  EXPECT_EQ(on.Send("POST", "/api/soap.php", {}, Message("<GetAccountInfo/>")).status, 401);
}

}  // namespace
}  // namespace holdfast::middleware
