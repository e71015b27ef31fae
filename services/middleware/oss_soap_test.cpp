// The OSS API by SOAP without its neighbours: what a message says, hostile ones, which calls of the
// resources it becomes, and the forms of answers.
#include <gmock/gmock.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include <functional>
#include <map>
#include <memory>
#include <set>

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

// What a WSDL of style rpc has to hold together (WSDL 1.1, sections 2.3 to 2.7).
class DescriptionTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string text = SoapDescription(kAddress).text;
    document_.reset(xmlReadMemory(text.data(), static_cast<int>(text.size()), nullptr, nullptr,
                                  XML_PARSE_NONET | XML_PARSE_PEDANTIC));
    ASSERT_NE(document_, nullptr) << "not well-formed: " << text;
    Each(xmlDocGetRootElement(document_.get()), [&](xmlNode* node) {
      const std::string space(reinterpret_cast<const char*>(node->ns->href));
      const std::string name(reinterpret_cast<const char*>(node->name));
      if (space == kWsdl || space == kSchema) {
        if (Has(node, "name") && (name == "message" || name == "portType" || name == "binding" ||
                                  name == "complexType")) {
          EXPECT_TRUE(names_[name].insert(Get(node, "name")).second) << Get(node, "name");
        }
      }
    });
  }
  static void Each(xmlNode* node, const std::function<void(xmlNode*)>& act) {
    for (; node != nullptr; node = node->next) {
      if (node->type != XML_ELEMENT_NODE) continue;
      EXPECT_NE(node->ns, nullptr);
      act(node);
      Each(node->children, act);
    }
  }
  static bool Has(xmlNode* node, const char* name) {
    return xmlHasProp(node, reinterpret_cast<const xmlChar*>(name)) != nullptr;
  }
  static std::string Get(xmlNode* node, const char* name) {
    xmlChar* const text = xmlGetNoNsProp(node, reinterpret_cast<const xmlChar*>(name));
    if (text == nullptr) return "";
    std::string copy(reinterpret_cast<const char*>(text));
    xmlFree(text);
    return copy;
  }
  // The namespace and the name that "tns:Account" stands for at `node`.
  std::pair<std::string, std::string> Resolved(xmlNode* node, const std::string& name) const {
    const std::size_t colon = name.find(':');
    EXPECT_NE(colon, std::string::npos) << name;
    const std::string prefix = name.substr(0, colon);
    const xmlNs* ns =
        xmlSearchNs(document_.get(), node, reinterpret_cast<const xmlChar*>(prefix.c_str()));
    EXPECT_NE(ns, nullptr) << name;
    return {ns == nullptr ? "" : reinterpret_cast<const char*>(ns->href), name.substr(colon + 1)};
  }
  void ExpectType(xmlNode* node, const std::string& type) {
    const auto [space, name] = Resolved(node, type);
    if (space == kSchema) {
      EXPECT_THAT((std::set<std::string>{"string", "int", "boolean"}), testing::Contains(name));
    } else {
      EXPECT_EQ(space, kAddress) << type;
      EXPECT_THAT(names_["complexType"], testing::Contains(name)) << type;
    }
  }

  static constexpr const char* kAddress = "http://tv.example/api/soap.php";
  static constexpr const char* kWsdl = "http://schemas.xmlsoap.org/wsdl/";
  static constexpr const char* kSchema = "http://www.w3.org/2001/XMLSchema";
  std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> document_{nullptr, xmlFreeDoc};
  std::map<std::string, std::set<std::string>> names_;
};

TEST_F(DescriptionTest, EverythingThatIsReferredToIsThere) {
  int types = 0, messages = 0, operations = 0;
  std::map<std::string, std::set<std::string>> operations_of;
  Each(xmlDocGetRootElement(document_.get()), [&](xmlNode* node) {
    const std::string space(reinterpret_cast<const char*>(node->ns->href));
    const std::string name(reinterpret_cast<const char*>(node->name));
    const std::string parent(
        node->parent->name == nullptr ? "" : reinterpret_cast<const char*>(node->parent->name));
    if ((space == kWsdl && name == "part") || (space == kSchema && name == "element")) {
      ExpectType(node, Get(node, "type"));
      ++types;
    }
    if (space != kWsdl) return;
    if ((name == "input" || name == "output") && Has(node, "message")) {
      const auto [of, message] = Resolved(node, Get(node, "message"));
      EXPECT_EQ(of, kAddress);
      EXPECT_THAT(names_["message"], testing::Contains(message));
      ++messages;
    }
    if (name == "operation") {
      EXPECT_TRUE(operations_of[parent].insert(Get(node, "name")).second);
      ++operations;
    }
    if (name == "binding") {
      EXPECT_THAT(names_["portType"], testing::Contains(Resolved(node, Get(node, "type")).second));
    }
    if (name == "port") {
      EXPECT_THAT(names_["binding"],
                  testing::Contains(Resolved(node, Get(node, "binding")).second));
    }
  });
  EXPECT_EQ(operations, 12);
  EXPECT_EQ(operations_of["binding"], operations_of["portType"]);
  EXPECT_EQ(messages, 12);
  EXPECT_EQ(names_["message"].size(), 12u);
  EXPECT_GT(types, 40);
}

// Elements stand in the order that the schema of WSDL 1.1 gives.
TEST_F(DescriptionTest, PartsStandInTheirOrder) {
  xmlNode* const root = xmlDocGetRootElement(document_.get());
  EXPECT_EQ(Get(root, "targetNamespace"), kAddress);
  std::string order;
  for (xmlNode* node = root->children; node != nullptr; node = node->next) {
    const std::string name(reinterpret_cast<const char*>(node->name));
    if (!order.ends_with(name + " ")) order += name + " ";
  }
  EXPECT_EQ(order, "types message portType binding service ");
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
