#include "services/middleware/oss_soap.h"

#include <rapidjson/document.h>

#include <utility>
#include <vector>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "services/middleware/domain/mac.h"
#include "services/middleware/xmltv_escape.h"

namespace holdfast::middleware {
namespace {

constexpr std::string_view kHead =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\""
    " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\""
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
    " xmlns:SOAP-ENC=\"http://schemas.xmlsoap.org/soap/encoding/\""
    " SOAP-ENV:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"";
constexpr std::string_view kTail = "</SOAP-ENV:Body></SOAP-ENV:Envelope>\n";

http::Response Xml(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/xml; charset=utf-8";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.text = std::move(text);
  return response;
}

std::string Escaped(std::string_view text) {
  std::string out;
  AppendXmlEscaped(out, text);
  return out;
}

struct Fault {
  std::string_view code, text;
};

// The protocol's codes for what the resources say.
Fault FaultOf(const absl::Status& status) {
  const std::string_view message = holdfast::View(status.message());
  if (message == "Not valid mac address") return {"2", "Wrong MAC address format"};
  if (message == "Account not found") return {"4", "Account not found"};
  if (message == "MAC address already in use") return {"7", "MAC address already in use"};
  if (message == "Login required" || message == "Login and password required" ||
      message.ends_with("data is empty")) {
    return {"5", "Missing required param"};
  }
  if (message.starts_with("Package ")) return {"6", "Subscription update error"};
  return {"500", "Server error"};
}

std::string Returned(const SoapMessage& message, std::string_view address, std::string_view type,
                     std::string_view value) {
  std::string text(kHead);
  text += " xmlns:ns1=\"" + Escaped(address) + "\"><SOAP-ENV:Body><ns1:" + message.operation +
          "Response><return xsi:type=\"" + std::string(type) + "\">";
  text += value;
  text += "</return></ns1:" + message.operation + "Response>";
  text += kTail;
  return text;
}

// An account as the resource shows it, as elements of AccountInfo.
std::string AccountInfo(const std::string& json) {
  rapidjson::Document account;
  account.Parse(json.data(), json.size());
  std::string xml;
  if (account.HasParseError() || !account.IsObject()) return xml;
  for (const char* name : {"login", "full_name", "phone", "account_number", "tariff_plan", "stb_sn",
                           "stb_mac", "stb_type", "online", "ip", "version", "last_active",
                           "comment", "end_date", "account_balance"}) {
    const auto it = account.FindMember(name);
    if (it == account.MemberEnd() || !it->value.IsString()) continue;
    xml += std::string("<") + name + " xsi:type=\"xsd:string\">" + Escaped(it->value.GetString()) +
           "</" + name + ">";
  }
  const auto status = account.FindMember("status");
  const bool on =
      status != account.MemberEnd() && status->value.IsInt() && status->value.GetInt() == 1;
  xml += std::string("<status xsi:type=\"xsd:int\">") + (on ? "1" : "0") + "</status>";
  const auto held = account.FindMember("subscribed");
  std::string items;
  rapidjson::SizeType count = 0;
  if (held != account.MemberEnd() && held->value.IsArray()) {
    for (const auto& id : held->value.GetArray()) {
      if (!id.IsString()) continue;
      ++count;
      items += "<item xsi:type=\"xsd:string\">" + Escaped(id.GetString()) + "</item>";
    }
  }
  xml += "<subscribed SOAP-ENC:arrayType=\"xsd:string[" + std::to_string(count) +
         "]\" xsi:type=\"ns1:stringArray\">" + items + "</subscribed>";
  return xml;
}

// One operation in terms of the resources.
class Operation {
 public:
  Operation(const SoapMessage& message, const OssCall& call,
            const std::function<OssAnswer(const OssCall&)>& ask)
      : message_(message), caller_(call), ask_(ask) {}

  // "true", or the elements of an AccountInfo.
  OssAnswer Run() {
    const std::string& name = message_.operation;
    if (name == "CreateAccount") return Create();
    if (name == "UpdateAccount") return Update();
    if (name == "CreateOrUpdateAccount") return CreateOrUpdate();
    if (name == "GetAccountInfo") return Info();
    if (name == "DeleteAccount") return Delete();
    if (name == "UpdateAccountOptionalSubscription") return Subscribe();
    return Unimplemented("there is no operation {}", name.substr(0, 100));
  }

 private:
  std::string Field(std::string_view name) const { return std::string(message_.fields.Get(name)); }

  OssCall Call(OssAction action, std::string resource) const {
    OssCall call;
    call.action = action;
    call.resource = std::move(resource);
    call.actor = caller_.actor;
    call.idempotency_key = caller_.idempotency_key;
    call.now = caller_.now;
    call.deadline = caller_.deadline;
    return call;
  }
  // The account that is searched: by the MAC, else by the login.
  OssAnswer Search(OssCall& call) const {
    if (const std::string mac = Field("stb_mac"); !mac.empty()) {
      const std::optional<Mac> parsed = Mac::Parse(mac);
      if (!parsed) return InvalidArgument("Not valid mac address");
      call.ids = {parsed->text()};
      call.by_mac = true;
      return std::string();
    }
    if (Field("login").empty()) return NotFound("Account not found");
    call.ids = {Field("login")};
    call.by_login = true;
    return std::string();
  }
  OssAnswer Create() {
    OssCall call = Call(OssAction::kCreate, "users");
    call.form = message_.fields;
    return ask_(call);
  }
  OssAnswer Update() {
    if (Field("login").empty()) return InvalidArgument("Login required");
    OssCall call = Call(OssAction::kUpdate, "users");
    call.ids = {Field("login")};
    call.form = message_.fields;
    return ask_(call);
  }
  OssAnswer CreateOrUpdate() {
    if (Field("login").empty()) return InvalidArgument("Login required");
    OssCall call = Call(OssAction::kGet, "users");
    call.ids = {Field("login")};
    const OssAnswer found = ask_(call);
    if (absl::IsNotFound(found.status())) return Create();
    return found.ok() ? Update() : found;
  }
  OssAnswer Info() {
    OssCall call = Call(OssAction::kGet, "users");
    HOLDFAST_RETURN_IF_ERROR(Search(call).status());
    OssAnswer found = ask_(call);
    if (!found.ok()) return found;
    return AccountInfo(*found);
  }
  OssAnswer Delete() {
    OssCall call = Call(OssAction::kDelete, "users");
    HOLDFAST_RETURN_IF_ERROR(Search(call).status());
    return ask_(call);
  }
  OssAnswer Subscribe() {
    OssCall call = Call(OssAction::kUpdate, "account_subscription");
    HOLDFAST_RETURN_IF_ERROR(Search(call).status());
    const std::pair<const char*, const char*> kNames[] = {{"subscribe[]", "subscribed[]"},
                                                          {"unsubscribe[]", "unsubscribed[]"}};
    for (const auto& [ours, theirs] : kNames) {
      for (const std::string& id : message_.fields.All(ours)) {
        call.form.Merge(std::string(theirs) + "=" + PercentEncode(id));
      }
    }
    HOLDFAST_RETURN_IF_ERROR(ask_(call).status());
    return std::string(kOssTrue);
  }

  const SoapMessage& message_;
  const OssCall& caller_;
  const std::function<OssAnswer(const OssCall&)>& ask_;
};

}  // namespace

http::Response SoapFault(const absl::Status& status) {
  const Fault fault = FaultOf(status);
  std::string text(kHead);
  text += "><SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>" + std::string(fault.code) +
          "</faultcode><faultstring>" + std::string(fault.text) + "</faultstring><detail>" +
          Escaped(holdfast::View(status.message())) + "</detail></SOAP-ENV:Fault>";
  text += kTail;
  return Xml(500, std::move(text));
}

http::Response AnswerSoap(std::string_view xml, std::string_view address, const OssCall& call,
                          const std::function<OssAnswer(const OssCall&)>& ask) {
  const absl::StatusOr<SoapMessage> message = ParseSoap(xml);
  if (!message.ok()) return SoapFault(message.status());
  const OssAnswer answer = Operation(*message, call, ask).Run();
  if (!answer.ok()) return SoapFault(answer.status());
  const bool is_info = message->operation == "GetAccountInfo";
  return Xml(200,
             Returned(*message, address, is_info ? "ns1:AccountInfo" : "xsd:boolean", *answer));
}

}  // namespace holdfast::middleware
