#include "libs/http/body_reader.h"

#include <algorithm>
#include <charconv>

namespace holdfast::http {
namespace {

constexpr std::size_t kMaxLine = 512;  // a chunk size with its extensions, a trailer
constexpr std::size_t kMaxTrailers = 4096;
constexpr std::size_t kKeptCapacity = 64 * 1024;

bool IsLineText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) >= ' ' && c != 127) || c == '\t';
  });
}

}  // namespace

void BodyReader::Start(BodyKind kind, std::uint64_t content_length, std::uint64_t max_bytes) {
  kind_ = kind;
  state_ = kind == BodyKind::kNone ? State::kDone : State::kNeedMore;
  max_bytes_ = max_bytes;
  remaining_ = kind == BodyKind::kLength ? content_length : 0;
  if (remaining_ > max_bytes) state_ = State::kTooLarge;
  expect_ = Expect::kSizeLine;
  trailer_bytes_ = 0;
  line_.clear();
  body_.clear();
  if (body_.capacity() > kKeptCapacity) body_.shrink_to_fit();
}

std::size_t BodyReader::Feed(std::string_view input) {
  if (state_ != State::kNeedMore) return 0;
  if (kind_ == BodyKind::kChunked) return FeedChunked(input);
  if (kind_ == BodyKind::kUntilClose) {
    if (input.size() > max_bytes_ - body_.size()) {
      state_ = State::kTooLarge;
      return 0;
    }
    body_.append(input);
    return input.size();
  }
  const std::size_t taken = TakeData(input);
  if (remaining_ == 0) state_ = State::kDone;
  return taken;
}

std::size_t BodyReader::FeedChunked(std::string_view input) {
  std::size_t used = 0;
  while (used < input.size() && state_ == State::kNeedMore) {
    if (expect_ == Expect::kData) {
      used += TakeData(input.substr(used));
      if (remaining_ == 0) expect_ = Expect::kDataEnd;
    } else {
      used += FeedLine(input.substr(used));
    }
  }
  return used;
}

std::size_t BodyReader::TakeData(std::string_view input) {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size()));
  body_.append(input.substr(0, taken));
  remaining_ -= taken;
  return taken;
}

std::size_t BodyReader::FeedLine(std::string_view input) {
  const std::size_t end = input.find('\n');
  const std::string_view part = input.substr(0, end);
  if (line_.size() + part.size() > kMaxLine) {
    state_ = State::kMalformed;
    return 0;
  }
  line_.append(part);
  if (end == std::string_view::npos) return input.size();
  if (line_.empty() || line_.back() != '\r') {
    state_ = State::kMalformed;
    return 0;
  }
  line_.pop_back();
  OnLine();
  line_.clear();
  return end + 1;
}

void BodyReader::OnLine() {
  if (!IsLineText(line_)) {
    state_ = State::kMalformed;
    return;
  }
  switch (expect_) {
    case Expect::kSizeLine:
      OnSizeLine();
      break;
    case Expect::kDataEnd:
      expect_ = Expect::kSizeLine;
      if (!line_.empty()) state_ = State::kMalformed;
      break;
    case Expect::kTrailerLine:  // trailers are read over
      trailer_bytes_ += line_.size();
      if (line_.empty()) state_ = State::kDone;
      if (trailer_bytes_ > kMaxTrailers) state_ = State::kMalformed;
      break;
    case Expect::kData:
      break;
  }
}

void BodyReader::OnSizeLine() {
  std::uint64_t size = 0;
  const char* const first = line_.data();
  const char* const last = first + line_.size();
  const auto [end, error] = std::from_chars(first, last, size, 16);
  const char* rest = std::find_if(end, last, [](char c) { return c != ' ' && c != '\t'; });
  const bool extension_or_end = rest == last || *rest == ';';
  // Sixteen digits would be a number that another reader may see wrapped around.
  if (error != std::errc() || *first == '-' || end - first > 15 || !extension_or_end) {
    state_ = State::kMalformed;
  } else if (size > max_bytes_ - body_.size()) {
    state_ = State::kTooLarge;
  } else {
    remaining_ = size;
    expect_ = size == 0 ? Expect::kTrailerLine : Expect::kData;
  }
}

}  // namespace holdfast::http
