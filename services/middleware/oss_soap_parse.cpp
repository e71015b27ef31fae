// Reads a SOAP message. libxml2 builds a tree of at most 64 KiB of text, without a document type,
// without entities but XML's own five, and without ever opening a file or a connection.
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include <memory>
#include <string>
#include <utility>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "services/middleware/oss_soap.h"

namespace holdfast::middleware {
namespace {

constexpr std::string_view kEnvelopeSpace = "http://schemas.xmlsoap.org/soap/envelope/";
constexpr std::size_t kMostFields = 1000;

std::string_view View(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

// A document type can name files and make a word into a gigabyte.
void StopAtDocumentType(void* context, const xmlChar*, const xmlChar*, const xmlChar*) {
  xmlStopParser(static_cast<xmlParserCtxtPtr>(context));
}

using Document = std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)>;

Document Parse(std::string_view xml) {
  const std::unique_ptr<xmlParserCtxt, decltype(&xmlFreeParserCtxt)> context(xmlNewParserCtxt(),
                                                                             xmlFreeParserCtxt);
  if (context == nullptr) return {nullptr, xmlFreeDoc};
  context->sax->internalSubset = StopAtDocumentType;
  Document document(
      xmlCtxtReadMemory(context.get(), xml.data(), static_cast<int>(xml.size()), nullptr, nullptr,
                        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                            XML_PARSE_NOCDATA | XML_PARSE_NOBLANKS),
      xmlFreeDoc);
  if (context->wellFormed == 0 || context->disableSAX != 0) document.reset();
  return document;
}

const xmlNode* FirstElement(const xmlNode* node) {
  while (node != nullptr && node->type != XML_ELEMENT_NODE) node = node->next;
  return node;
}

bool Is(const xmlNode* node, std::string_view name, std::string_view space) {
  return node != nullptr && View(node->name) == name && node->ns != nullptr &&
         View(node->ns->href) == space;
}

// The text directly in the element.
std::string TextOf(const xmlNode* element) {
  std::string text;
  for (const xmlNode* child = element->children; child != nullptr; child = child->next) {
    if (child->type == XML_TEXT_NODE) text += View(child->content);
  }
  return text;
}

bool RefersElsewhere(const xmlNode* element) {
  for (const xmlAttr* attribute = element->properties; attribute != nullptr;
       attribute = attribute->next) {
    if (View(attribute->name) == "href") return true;
  }
  return false;
}

class FieldReader {
 public:
  // Members of a parameter: texts, and lists of texts.
  absl::Status ReadParameter(const xmlNode* parameter) {
    for (const xmlNode* field = FirstElement(parameter->children); field != nullptr;
         field = FirstElement(field->next)) {
      if (RefersElsewhere(field))
        return InvalidArgument("href is not supported: send values inline");
      const std::string name(View(field->name));
      const xmlNode* item = FirstElement(field->children);
      if (item == nullptr) {
        HOLDFAST_RETURN_IF_ERROR(Add(name, TextOf(field)));
        continue;
      }
      for (; item != nullptr; item = FirstElement(item->next)) {
        if (FirstElement(item->children) != nullptr) {
          return InvalidArgument("{} is neither a text nor a list of texts", name);
        }
        HOLDFAST_RETURN_IF_ERROR(Add(name + "[]", TextOf(item)));
      }
    }
    return absl::OkStatus();
  }
  std::string encoded() && { return std::move(encoded_); }

 private:
  absl::Status Add(const std::string& name, const std::string& value) {
    if (value.empty()) return absl::OkStatus();
    if (++count_ > kMostFields) return InvalidArgument("more than {} fields", kMostFields);
    encoded_ += PercentEncode(name) + "=" + PercentEncode(value) + "&";
    return absl::OkStatus();
  }

  std::string encoded_;
  std::size_t count_ = 0;
};

}  // namespace

absl::StatusOr<SoapMessage> ParseSoap(std::string_view xml) {
  if (xml.size() > kLongestSoapMessage) {
    return InvalidArgument("the message is longer than {} bytes", kLongestSoapMessage);
  }
  const Document document = Parse(xml);
  const xmlNode* envelope = document == nullptr ? nullptr : xmlDocGetRootElement(document.get());
  if (envelope == nullptr) return InvalidArgument("the message is no XML without a document type");
  if (!Is(envelope, "Envelope", kEnvelopeSpace)) {
    return InvalidArgument("the message is no SOAP 1.1 envelope");
  }
  const xmlNode* body = FirstElement(envelope->children);
  if (Is(body, "Header", kEnvelopeSpace)) body = FirstElement(body->next);
  const xmlNode* operation =
      Is(body, "Body", kEnvelopeSpace) ? FirstElement(body->children) : nullptr;
  if (operation == nullptr) return InvalidArgument("the message has no operation in its body");
  FieldReader reader;
  for (const xmlNode* parameter = FirstElement(operation->children); parameter != nullptr;
       parameter = FirstElement(parameter->next)) {
    if (RefersElsewhere(parameter)) {
      return InvalidArgument("href is not supported: send values inline");
    }
    HOLDFAST_RETURN_IF_ERROR(reader.ReadParameter(parameter));
  }
  SoapMessage message;
  message.operation = View(operation->name);
  message.fields = http::Form(std::move(reader).encoded());
  return message;
}

}  // namespace holdfast::middleware
