#include "libs/discovery/http_answer.h"

#include "libs/base/status.h"

namespace holdfast::discovery {
namespace {

constexpr std::size_t kMaxHead = 64 * 1024;

}  // namespace

bool HttpAnswer::complete() const {
  return status_ != 0 && body_.state() == http::BodyReader::State::kDone;
}

absl::Status HttpAnswer::Feed(std::string_view bytes) {
  begun_ = begun_ || !bytes.empty();
  std::string rest;
  if (status_ == 0) {
    head_.append(bytes);
    HOLDFAST_RETURN_IF_ERROR(ReadHead());
    if (status_ == 0) return absl::OkStatus();
    rest.swap(head_);
    bytes = rest;
  }
  const std::size_t used = body_.Feed(bytes);
  switch (body_.state()) {
    case http::BodyReader::State::kNeedMore:
      return absl::OkStatus();
    case http::BodyReader::State::kDone:
      return used == bytes.size() ? absl::OkStatus() : DataLoss("more than one answer");
    case http::BodyReader::State::kMalformed:
      return DataLoss("broken chunks");
    case http::BodyReader::State::kTooLarge:
      return DataLoss("a body of more than {} bytes", max_body_);
  }
  return absl::OkStatus();
}

// Leaves in head_ what follows the head.
absl::Status HttpAnswer::ReadHead() {
  while (status_ == 0) {
    const auto scanned = scanner_.Scan(head_);
    if (scanned == http::HeadScanner::Result::kMalformed || head_.size() > kMaxHead + max_body_) {
      return DataLoss("the answer is not HTTP");
    }
    if (scanned == http::HeadScanner::Result::kNeedMore) {
      return head_.size() > kMaxHead ? DataLoss("the answer's head is too long") : absl::OkStatus();
    }
    http::ResponseHead head;
    if (!http::ParseResponseHead(std::string_view(head_).substr(0, scanner_.size()), head)) {
      return DataLoss("the answer is not HTTP");
    }
    if (head.status >= 200) {
      status_ = head.status;
      keep_alive_ = head.body != http::BodyKind::kUntilClose &&
                    !http::HasToken(http::FindField(head.fields, "connection"), "close");
      body_.Start(head.body, head.content_length, max_body_);
    }
    head_.erase(0, scanner_.size());
    scanner_.Reset();
  }
  return absl::OkStatus();
}

}  // namespace holdfast::discovery
