// HTTP requests and responses as handlers see them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "libs/base/criticality.h"
#include "libs/base/deadline.h"
#include "libs/base/shared_bytes.h"
#include "libs/http/stored_body.h"

namespace holdfast::http {

// Valid until the reply to it has been sent; views point into the connection's buffer.
class Request {
 public:
  virtual ~Request() = default;
  virtual std::string_view method() const = 0;                       // "GET"
  virtual std::string_view target() const = 0;                       // as sent: path and query
  virtual std::string_view path() const = 0;                         // before '?', not decoded
  virtual std::string_view query() const = 0;                        // after '?', or ""
  virtual std::string_view Header(std::string_view name) const = 0;  // any case; "" if absent
  virtual std::string_view body() const = 0;
  virtual std::string_view remote_address() const = 0;  // numeric, without port
  // Parts that the matched route named with {braces}, in order, percent-decoded.
  virtual const std::vector<std::string>& captures() const = 0;

  // As its route was declared.
  virtual Criticality criticality() const { return Criticality::kInteractive; }
  // False: there is too much to do for requests of this class; answer at once and in few words. For
  // handlers that know the class better than their route does. `who` tells viewers apart: those who
  // are served stay served.
  virtual bool Admits(Criticality, std::string_view /*who*/) const { return true; }
  // When its client is thought to have given up waiting: work for it need not begin afterwards.
  virtual Deadline deadline() const { return Deadline::Never(); }
  // Its client has closed the connection: nobody will read the answer. Any thread; a system call.
  virtual bool gone() const { return false; }
};

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  // a literal
  std::string_view header_lines;  // a literal: "A: b\r\nC: d\r\n", what every answer of a kind says
  std::vector<std::pair<std::string, std::string>> headers;
  std::string text;   // the body, unless one of the next two is set
  SharedBytes bytes;  // a body with several owners, sent without a copy
  SharedBody stored;  // one that is sent many times

  static Response Json(std::string text) { return {.text = std::move(text)}; }
  static Response Text(int status, std::string text) {
    return {.status = status, .content_type = "text/plain; charset=utf-8", .text = std::move(text)};
  }
};

std::string_view ReasonPhrase(int status);

// Who asks, as far as an address says: as told by a balancer in front of us, or the peer's.
std::string_view ViewerOf(const Request& request);

// 503 with a Retry-After that spreads those who are refused together.
Response Busy(Criticality criticality);

// A decoded query string or form body. First value of a name wins; names that end in [] collect.
// What it answers points into it and lives until it is changed or moved.
class Form {
 public:
  Form() = default;
  explicit Form(std::string_view encoded);  // a=b&c=d, form-decoded leniently

  void Merge(std::string_view encoded);               // existing names stay
  std::string_view Get(std::string_view name) const;  // "" if absent
  bool Has(std::string_view name) const;
  std::vector<std::string> All(std::string_view name) const;
  // The number, or `otherwise` for absent, "undefined", "NaN" and other noise that boxes send.
  std::int64_t Int(std::string_view name, std::int64_t otherwise) const;
  std::vector<std::pair<std::string_view, std::string_view>> fields() const;

 private:
  struct Field {
    std::size_t name;  // where it begins in text_; it ends where the value begins
    std::size_t value;
    std::size_t end;
  };
  std::string_view NameOf(const Field& field) const;
  std::string_view ValueOf(const Field& field) const;

  std::string text_;  // names and values, decoded, one behind the other
  absl::InlinedVector<Field, 10> fields_;
};

// The value of one cookie in a Cookie header, percent-decoded; "" if absent.
std::string CookieValue(std::string_view cookie_header, std::string_view name);

}  // namespace holdfast::http
