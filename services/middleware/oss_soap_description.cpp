// The WSDL: what the six operations take and give, for clients that read it before they ask.
#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/oss_soap.h"
#include "services/middleware/xmltv_escape.h"

namespace holdfast::middleware {
namespace {

struct Operation {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> takes;  // name and type
  std::string_view gives;
};

const std::vector<Operation>& Operations() {
  static const std::vector<Operation> operations = {
      {"CreateOrUpdateAccount", {{"params", "tns:Account"}}, "xsd:boolean"},
      {"CreateAccount", {{"params", "tns:Account"}}, "xsd:boolean"},
      {"UpdateAccount", {{"params", "tns:Account"}}, "xsd:boolean"},
      {"GetAccountInfo", {{"params", "tns:SearchCondition"}}, "tns:AccountInfo"},
      {"DeleteAccount", {{"params", "tns:SearchCondition"}}, "xsd:boolean"},
      {"UpdateAccountOptionalSubscription",
       {{"params", "tns:SearchCondition"}, {"subscription", "tns:SubscriptionAction"}},
       "xsd:boolean"}};
  return operations;
}

struct Type {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
};

const std::vector<Type>& Types() {
  static const std::vector<Type> types = {
      {"Account",
       {{"login", "xsd:string"},
        {"password", "xsd:string"},
        {"full_name", "xsd:string"},
        {"phone", "xsd:string"},
        {"account_number", "xsd:string"},
        {"tariff_plan", "xsd:string"},
        {"status", "xsd:int"},
        {"stb_mac", "xsd:string"},
        {"comment", "xsd:string"},
        {"end_date", "xsd:string"},
        {"account_balance", "xsd:string"}}},
      {"SearchCondition", {{"login", "xsd:string"}, {"stb_mac", "xsd:string"}}},
      {"SubscriptionAction",
       {{"subscribe", "tns:stringArray"}, {"unsubscribe", "tns:stringArray"}}},
      {"AccountInfo",
       {{"login", "xsd:string"},
        {"full_name", "xsd:string"},
        {"phone", "xsd:string"},
        {"account_number", "xsd:string"},
        {"tariff_plan", "xsd:string"},
        {"stb_sn", "xsd:string"},
        {"stb_mac", "xsd:string"},
        {"stb_type", "xsd:string"},
        {"online", "xsd:string"},
        {"ip", "xsd:string"},
        {"version", "xsd:string"},
        {"last_active", "xsd:string"},
        {"comment", "xsd:string"},
        {"end_date", "xsd:string"},
        {"account_balance", "xsd:string"},
        {"status", "xsd:int"},
        {"subscribed", "tns:stringArray"}}}};
  return types;
}

void AppendTypes(std::string& xml) {
  xml +=
      "<xsd:complexType name=\"stringArray\"><xsd:complexContent>"
      "<xsd:restriction base=\"SOAP-ENC:Array\"><xsd:attribute ref=\"SOAP-ENC:arrayType\""
      " wsdl:arrayType=\"xsd:string[]\"/></xsd:restriction></xsd:complexContent>"
      "</xsd:complexType>";
  for (const Type& type : Types()) {
    xml += "<xsd:complexType name=\"" + std::string(type.name) + "\"><xsd:sequence>";
    for (const auto& [name, of] : type.fields) {
      xml += "<xsd:element minOccurs=\"0\" name=\"" + std::string(name) + "\" type=\"" +
             std::string(of) + "\"/>";
    }
    xml += "</xsd:sequence></xsd:complexType>";
  }
}

void AppendMessages(std::string& xml) {
  for (const Operation& operation : Operations()) {
    const std::string name(operation.name);
    xml += "<message name=\"" + name + "\">";
    for (const auto& [part, type] : operation.takes) {
      xml += "<part name=\"" + std::string(part) + "\" type=\"" + std::string(type) + "\"/>";
    }
    xml += "</message><message name=\"" + name + "Response\"><part name=\"return\" type=\"" +
           std::string(operation.gives) + "\"/></message>";
  }
  xml += "<portType name=\"StalkerPortType\">";
  for (const Operation& operation : Operations()) {
    const std::string name(operation.name);
    xml += "<operation name=\"" + name + "\"><input message=\"tns:" + name +
           "\"/><output message=\"tns:" + name + "Response\"/></operation>";
  }
  xml += "</portType>";
}

void AppendBinding(std::string& xml, const std::string& address) {
  xml +=
      "<binding name=\"StalkerBinding\" type=\"tns:StalkerPortType\"><soap:binding style=\"rpc\""
      " transport=\"http://schemas.xmlsoap.org/soap/http\"/>";
  const std::string body =
      "<soap:body use=\"encoded\" encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\""
      " namespace=\"" +
      address + "\"/>";
  for (const Operation& operation : Operations()) {
    const std::string name(operation.name);
    xml += "<operation name=\"" + name + "\"><soap:operation soapAction=\"" + address + "#" + name +
           "\"/><input>" + body + "</input><output>" + body + "</output></operation>";
  }
  xml +=
      "</binding><service name=\"Stalker\"><port name=\"StalkerPort\""
      " binding=\"tns:StalkerBinding\"><soap:address location=\"" +
      address + "\"/></port></service>";
}

}  // namespace

http::Response SoapDescription(std::string_view address) {
  std::string url;
  AppendXmlEscaped(url, address);
  std::string xml =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<definitions name=\"Stalker\" targetNamespace=\"" +
      url + "\" xmlns:tns=\"" + url +
      "\" xmlns=\"http://schemas.xmlsoap.org/wsdl/\""
      " xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\""
      " xmlns:soap=\"http://schemas.xmlsoap.org/wsdl/soap/\""
      " xmlns:SOAP-ENC=\"http://schemas.xmlsoap.org/soap/encoding/\""
      " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><types><xsd:schema targetNamespace=\"" +
      url + "\"><xsd:import namespace=\"http://schemas.xmlsoap.org/soap/encoding/\"/>";
  AppendTypes(xml);
  xml += "</xsd:schema></types>";
  AppendMessages(xml);
  AppendBinding(xml, url);
  xml += "</definitions>\n";
  http::Response response;
  response.content_type = "text/xml; charset=utf-8";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.text = std::move(xml);
  return response;
}

}  // namespace holdfast::middleware
