#include "services/middleware/reporter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "holdfast/analytics/v1/analytics.pb.h"
#include "libs/base/encoding.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/security/hmac.h"

namespace holdfast::middleware {
namespace {

using analytics::v1::PlaybackEvent;

PlaybackEvent::Kind ToProto(PlaybackReport::Kind kind) {
  switch (kind) {
    case PlaybackReport::Kind::kPlay:
      return PlaybackEvent::KIND_PLAY;
    case PlaybackReport::Kind::kStop:
      return PlaybackEvent::KIND_STOP;
    case PlaybackReport::Kind::kHeartbeat:
      return PlaybackEvent::KIND_HEARTBEAT;
    case PlaybackReport::Kind::kError:
      return PlaybackEvent::KIND_ERROR;
    case PlaybackReport::Kind::kZap:
      return PlaybackEvent::KIND_ZAP;
  }
  return PlaybackEvent::KIND_UNSPECIFIED;
}

// Clients that never log what they play would not count: a zap counts as a play as well. A box that
// does log it reports the same play again, under the same id.
std::string PlayIdOf(const PlaybackReport& report) {
  static const security::HmacKey key("holdfast play");
  const auto tag =
      key.Sign(fmt::format("{}|{}|{}", report.device, report.stream, report.link_expires));
  return "play-" + ToHex(std::string_view(reinterpret_cast<const char*>(tag.data()), 16));
}

PlaybackEvent EventOf(const PlaybackReport& report) {
  PlaybackEvent event;
  event.set_kind(ToProto(report.kind));
  event.set_channel_id(report.stream);
  event.set_edge_id(report.edge_id);
  event.set_error(report.error);
  event.set_device_model(report.model);
  event.set_account_id(report.account);
  event.set_at_ms(report.at_ms);
  return event;
}

// The receiver or the way to it is at fault, not the batch: worth keeping.
bool WorthRepeating(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsInternal(status) || absl::IsAborted(status);
}

}  // namespace

Reporter::Reporter(const Options& options, Analytics& analytics, storage::DiskSpool& spool,
                   telemetry::Metrics& metrics)
    : options_(options),
      analytics_(analytics),
      spool_(spool),
      delivered_(metrics.Counter("holdfast_middleware_report_batches_delivered_total",
                                 "Batches of playback reports that analytics took.")),
      spooled_(metrics.Counter("holdfast_middleware_report_batches_spooled_total",
                               "Batches of playback reports that went to disk to wait.")),
      lost_(metrics.Counter(
          "holdfast_middleware_reports_lost_total",
          "Playback reports dropped: memory or disk allowance used up, or refused.")),
      boot_(SecureHex(4)) {}

void Reporter::Report(PlaybackReport report) {
  {
    absl::MutexLock lock(&mutex_);
    if (waiting_.size() < options_.max_waiting) {
      waiting_.push_back(std::move(report));
      return;
    }
  }
  lost_.Add();
}

absl::Status Reporter::Deliver(Deadline deadline) {
  while (!deadline.Passed()) {
    const std::vector<PlaybackReport> batch = TakeBatch();
    if (batch.empty()) break;
    const std::string bytes = Serialize(batch);
    const absl::Status sent = Send(bytes, deadline);
    if (sent.ok()) continue;
    const absl::Status kept = spool_.Append(bytes);
    if (!kept.ok()) {
      lost_.Add(static_cast<double>(batch.size()));
      return kept;
    }
    spooled_.Add();
    return absl::OkStatus();  // away: the rest waits for the next round
  }
  while (spool_.pending_records() > 0 && !deadline.Passed()) {
    const auto drained = spool_.Drain(1, [&](const std::vector<std::string>& records) {
      return Send(records.front(), deadline);
    });
    if (!drained.ok() || *drained == 0) break;  // still away: nothing is wrong with us
  }
  return absl::OkStatus();
}

std::vector<PlaybackReport> Reporter::TakeBatch() {
  absl::MutexLock lock(&mutex_);
  const std::size_t count = std::min(options_.batch, waiting_.size());
  std::vector<PlaybackReport> batch(
      std::make_move_iterator(waiting_.begin()),
      std::make_move_iterator(waiting_.begin() + static_cast<std::ptrdiff_t>(count)));
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  return batch;
}

std::string Reporter::Serialize(const std::vector<PlaybackReport>& batch) {
  analytics::v1::IngestRequest request;
  for (const PlaybackReport& report : batch) {
    PlaybackEvent event = EventOf(report);
    if (report.link_expires != 0) {
      PlaybackEvent& play = *request.add_events();
      play = event;
      play.set_event_id(PlayIdOf(report));
      play.set_kind(PlaybackEvent::KIND_PLAY);
      if (report.kind == PlaybackReport::Kind::kPlay) continue;
    }
    event.set_event_id(absl::StrCat(options_.instance, "-", boot_, "-", next_event_++));
    *request.add_events() = std::move(event);
  }
  return request.SerializeAsString();
}

absl::Status Reporter::Send(const std::string& batch, Deadline deadline) {
  const absl::Status status = analytics_.Ingest(batch, deadline);
  if (status.ok()) {
    delivered_.Add();
    return status;
  }
  if (WorthRepeating(status)) return status;
  // Repeating would meet the same refusal for ever and hold up everything behind it.
  analytics::v1::IngestRequest request;
  if (request.ParseFromString(batch)) lost_.Add(request.events_size());
  return absl::OkStatus();
}

}  // namespace holdfast::middleware
