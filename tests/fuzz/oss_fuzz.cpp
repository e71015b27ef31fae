// What a script, or a stranger, sends to the OSS API, and what an operator's hook may answer. First
// line: the path behind ".../api/"; second: the Authorization header; the rest: a body.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "services/middleware/domain/lineup_edit.h"
#include "services/middleware/oss_accounts.h"
#include "services/middleware/oss_credentials.h"
#include "services/middleware/oss_hooks.h"
#include "services/middleware/oss_monitoring.h"
#include "services/middleware/oss_soap.h"
#include "services/middleware/places.h"

namespace holdfast::middleware {
namespace {

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void CheckRequest(std::string_view input) {
  static const auto credentials = OssCredentials::Parse("crm:a-long-secret");
  const std::string_view path = TakeLine(input);
  const std::string_view authorization = TakeLine(input);

  OssCall call;
  ParseOssPath(path, call);
  HOLDFAST_CHECK(!call.by_mac || !call.ids.empty());
  for (const std::string& id : call.ids) HOLDFAST_CHECK(!id.empty());
  const auto who = credentials->WhoIs(authorization);
  HOLDFAST_CHECK(!who || *who == "crm");
  // Any error gives one JSON object.
  const std::string envelope = OssEnvelope(
      absl::InvalidArgumentError(absl::string_view(call.resource.data(), call.resource.size())));
  HOLDFAST_CHECK(nlohmann::json::parse(envelope, nullptr, false).is_object());

  const http::Form answer = ProfileAnswerFields(input);
  HOLDFAST_CHECK(answer.fields().size() <= 6);
  const http::Form form(input);
  call.form = http::Form(input);
  if (const auto part = PartOf(call, 100, 50); part.ok()) {
    HOLDFAST_CHECK(part->first <= part->end && part->end <= 100);
  }
  for (const auto& [name, value] : form.fields()) {
    if (const auto end = ParseEndDate(value); end.ok()) HOLDFAST_CHECK(*end % 86'400 == 0);
    if (const auto directory = ParseDirectory(value); directory.ok()) {
      HOLDFAST_CHECK(directory->find('/') != std::string::npos);
      HOLDFAST_CHECK(directory->find("..") == std::string::npos ||
                     directory->find("../") == std::string::npos);
    }
  }
  if (const auto message = ParseSoap(input); message.ok()) {
    HOLDFAST_CHECK(!message->operation.empty());
    for (const auto& [name, value] : message->fields.fields()) HOLDFAST_CHECK(!value.empty());
  }
  const std::string address = SoapDescription(path).text;
  HOLDFAST_CHECK(address.find("<definitions ") != std::string::npos);
  if (const auto part = MonitoringPart(input, 100); part.ok()) {
    HOLDFAST_CHECK(part->first <= part->end && part->end <= 100);
  }
  for (const Country& country : ParseCountries(input, input)) {
    HOLDFAST_CHECK(country.code.size() == 2 && !country.places.empty());
  }
}

}  // namespace
}  // namespace holdfast::middleware

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::middleware::CheckRequest(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
