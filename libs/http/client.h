// A small blocking HTTP/1.1 client for probes, tests and tools. One connection per call.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "libs/http/tls_trust.h"

namespace holdfast::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http://host:port/path?query, or https://
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  const TlsTrust* trust = nullptr;  // of an https:// URL; null: the system's authorities
};

struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  std::string_view Header(std::string_view name) const;  // any case; "" if absent
};

// INVALID_ARGUMENT says what is wrong with it as a URL of Fetch.
absl::Status CheckUrl(std::string_view url);

// UNAVAILABLE (refused, reset, a certificate that is not believed), DEADLINE_EXCEEDED,
// INVALID_ARGUMENT (the URL), DATA_LOSS (the answer is not HTTP). Any status code is an answer.
// Redirects are not followed. Blocks.
absl::StatusOr<ClientResponse> Fetch(const ClientRequest& request, Deadline deadline);

}  // namespace holdfast::http
