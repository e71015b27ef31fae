#include "libs/app/publications.h"

#include <chrono>

#include "libs/base/check.h"
#include "libs/base/status.h"

namespace holdfast::app {
namespace {

using replica::Update;
using replica::v1::WatchResponse;

constexpr std::chrono::seconds kHeartbeatInterval{2};
constexpr std::size_t kMaxPartBytes = 1 << 20;

WatchResponse::Kind KindOf(Update::Kind kind) {
  switch (kind) {
    case Update::Kind::kFull:
      return WatchResponse::KIND_FULL;
    case Update::Kind::kDelta:
      return WatchResponse::KIND_DELTA;
    case Update::Kind::kHeartbeat:
      return WatchResponse::KIND_HEARTBEAT;
    case Update::Kind::kReset:
      return WatchResponse::KIND_RESET;
  }
  return WatchResponse::KIND_UNSPECIFIED;
}

WatchResponse EmptyPartOf(const Update& update) {
  WatchResponse part;
  part.set_epoch(update.epoch);
  part.set_revision(update.revision);
  part.set_kind(KindOf(update.kind));
  return part;
}

// Sends the update in parts of about a megabyte. False: nobody listens any more.
bool Send(const Update& update, rpc::StreamWriter& writer) {
  WatchResponse part = EmptyPartOf(update);
  std::size_t part_bytes = 0;
  for (const auto& [key, value] : update.items) {
    const std::size_t item_bytes = key.size() + (value == nullptr ? 0 : value->size()) + 16;
    if (part.items_size() > 0 && part_bytes + item_bytes > kMaxPartBytes) {
      part.set_more_parts(true);
      if (!writer.Write(part)) return false;
      part = EmptyPartOf(update);
      part_bytes = 0;
    }
    part_bytes += item_bytes;
    replica::v1::Item& item = *part.add_items();
    item.set_key(key);
    if (value == nullptr) {
      item.set_deleted(true);
    } else {
      item.set_value(*value);
    }
  }
  return writer.Write(part);
}

}  // namespace

void PublicationService::Add(replica::Publication& publication) {
  HOLDFAST_CHECK(publications_.emplace(publication.name(), &publication).second);
}

std::string PublicationService::Describe() const {
  std::string page;
  for (const auto& [name, publication] : publications_) {
    page += fmt::format("{:<24} revision {}, {} items\n", name, publication->revision(),
                        publication->size());
  }
  return page.empty() ? "none\n" : page;
}

void PublicationService::Register(rpc::ServiceTable& table) {
  table.Stream("Watch", *this, &PublicationService::Watch);
}

void PublicationService::Stop() {
  stopping_ = true;
  for (auto& [name, publication] : publications_) publication->Close();
}

absl::Status PublicationService::Watch(const rpc::Call&, const replica::v1::WatchRequest& request,
                                       rpc::StreamWriter& writer) {
  replica::Publication* const* publication = Find(publications_, request.model());
  if (publication == nullptr) return NotFound("model '{}' is not published here", request.model());

  // What the follower holds. A heartbeat tells nothing new about that.
  std::string epoch = request.epoch();
  std::uint64_t revision = request.known_revision();
  while (!writer.cancelled()) {
    const Update update =
        (*publication)->Next(epoch, revision, Deadline::After(kHeartbeatInterval));
    if (stopping_) return Unavailable("draining");
    if (!Send(update, writer)) return Unavailable("the follower is gone");
    if (update.kind == Update::Kind::kHeartbeat) continue;
    epoch = update.epoch;
    revision = update.revision;
  }
  return absl::CancelledError("the follower is gone");
}

}  // namespace holdfast::app
