// Takes a message body out of the bytes that arrive: by length, in chunks, or until the end of the
// connection. Strict about chunk framing; bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/http/head_parser.h"

namespace holdfast::http {

class BodyReader {
 public:
  enum class State { kNeedMore, kDone, kMalformed, kTooLarge };

  // Ready for the next message; keeps its memory unless the last body was large.
  void Start(BodyKind kind, std::uint64_t content_length, std::uint64_t max_bytes);

  // Takes what belongs to the body off the front of `input`; returns how many bytes that were.
  std::size_t Feed(std::string_view input);

  State state() const { return state_; }
  const std::string& body() const { return body_; }
  std::string TakeBody() { return std::move(body_); }

 private:
  enum class Expect { kSizeLine, kData, kDataEnd, kTrailerLine };

  std::size_t FeedChunked(std::string_view input);
  std::size_t FeedLine(std::string_view input);  // gathers one line into line_
  void OnLine();
  void OnSizeLine();
  std::size_t TakeData(std::string_view input);

  BodyKind kind_ = BodyKind::kNone;
  State state_ = State::kDone;
  std::uint64_t max_bytes_ = 0;
  std::uint64_t remaining_ = 0;  // of the body, or of the present chunk
  Expect expect_ = Expect::kSizeLine;
  std::size_t trailer_bytes_ = 0;
  std::string line_;
  std::string body_;
};

}  // namespace holdfast::http
