// The OSS API by SOAP 1.1 (portal protocol, section 15.3): six operations, in the form of PHP's
// SoapClient (rpc/encoded), that become calls of the REST resources.
//
// Nothing is believed of a message: one with a document type is refused, nothing outside of it is
// ever read, and it is small and flat.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/middleware/oss_call.h"

namespace holdfast::middleware {

struct SoapMessage {
  std::string operation;  // "UpdateAccount", whatever its namespace
  // Of all its parameters: "login" -> "ada"; the elements of a list under one name with []:
  // "subscribe[]". What is empty is left out, as scripts that send whole objects mean it.
  http::Form fields;
};

inline constexpr std::size_t kLongestSoapMessage = 64 * 1024;

// INVALID_ARGUMENT says why it is none.
absl::StatusOr<SoapMessage> ParseSoap(std::string_view xml);

// `ask` answers a call of a resource; `call` says who asks. Blocks as `ask` does.
http::Response AnswerSoap(std::string_view xml, std::string_view address, const OssCall& call,
                          const std::function<OssAnswer(const OssCall&)>& ask);

// HTTP 500 with the code and text that scripts compare; the status' own words are the detail.
http::Response SoapFault(const absl::Status& status);

// The WSDL for the service at that address.
http::Response SoapDescription(std::string_view address);

}  // namespace holdfast::middleware
