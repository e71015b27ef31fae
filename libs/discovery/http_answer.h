// One HTTP/1.1 answer as its bytes arrive; the body can be taken before it is complete.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "libs/http/body_reader.h"
#include "libs/http/head_parser.h"

namespace holdfast::discovery {

class HttpAnswer {
 public:
  // Not more than this may wait to be taken.
  explicit HttpAnswer(std::size_t max_body) : max_body_(max_body) {}

  // DATA_LOSS: not HTTP, or too much of it. Bytes after the end of the answer are refused as well:
  // nobody asked for them.
  absl::Status Feed(std::string_view bytes);

  bool begun() const { return begun_; }          // anything was received
  int status() const { return status_; }         // 0 until the head is complete
  bool complete() const;                         // nothing more belongs to it
  bool reusable() const { return keep_alive_; }  // when complete: so is the connection
  std::string TakeBody() { return body_.TakeBody(); }

 private:
  absl::Status ReadHead();

  std::size_t max_body_;
  bool begun_ = false;
  int status_ = 0;
  bool keep_alive_ = false;
  std::string head_;  // until it is complete
  http::HeadScanner scanner_;
  http::BodyReader body_;
};

}  // namespace holdfast::discovery
