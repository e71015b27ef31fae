#include "libs/app/follower.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"

namespace holdfast::app {
namespace {

using namespace std::chrono_literals;
using replica::Update;
using replica::v1::WatchRequest;
using replica::v1::WatchResponse;

constexpr char kWatch[] = "holdfast.replica.v1.Publications/Watch";
constexpr auto kSilenceMeansDead = 10s;  // five heartbeats
constexpr auto kSaveInterval = 2s;
constexpr auto kFirstPause = 50ms;
constexpr auto kLongestPause = 1s;
constexpr auto kLongestPauseWhenRefused = 5s;       // each attempt moves the whole model
constexpr std::size_t kMaxUpdateBytes = 512 << 20;  // a producer cannot fill our memory

absl::StatusOr<Update::Kind> KindOf(WatchResponse::Kind kind) {
  switch (kind) {
    case WatchResponse::KIND_FULL:
      return Update::Kind::kFull;
    case WatchResponse::KIND_DELTA:
      return Update::Kind::kDelta;
    case WatchResponse::KIND_HEARTBEAT:
      return Update::Kind::kHeartbeat;
    case WatchResponse::KIND_RESET:
      return Update::Kind::kReset;
    default:
      return DataLoss("unknown kind of update {}", static_cast<int>(kind));
  }
}

}  // namespace

Follower::Follower(rpc::Channel& from, replica::ReplicaBase& replica, const Clock& clock,
                   Random& random)
    : from_(from), replica_(replica), clock_(clock), random_(random) {}

Follower::~Follower() { Stop(); }

void Follower::Start() {
  saved_at_ = clock_.SteadyNow();
  thread_ = StartThread("follow-" + replica_.name(), [this] { Run(); });
}

void Follower::Stop() {
  stop_.Stop();
  {
    absl::MutexLock lock(&mutex_);
    if (reader_ != nullptr) reader_->Cancel();
  }
  if (thread_.joinable()) thread_.join();
}

bool Follower::connected() const {
  absl::MutexLock lock(&mutex_);
  return connected_;
}

void Follower::SetReader(rpc::StreamReader* reader) {
  absl::MutexLock lock(&mutex_);
  reader_ = reader;
  connected_ = false;
  if (reader_ != nullptr && stop_.stopped()) reader_->Cancel();
}

void Follower::Run() {
  while (!stop_.stopped()) {
    ListenOnce();
    SaveIfDue();
    const Duration cap = want_everything_ ? kLongestPauseWhenRefused : kLongestPause;
    const Duration longest =
        std::min<Duration>(kFirstPause * (1 << std::min(attempts_in_vain_, 7)), cap);
    ++attempts_in_vain_;
    const auto pause = std::chrono::duration_cast<Duration>(kFirstPause + (longest - kFirstPause) *
                                                                              random_.Uniform());
    if (stop_.WaitFor(pause)) break;
  }
  if (const absl::Status saved = replica_.SaveToDisk(); !saved.ok()) {
    Log(telemetry::Warning, "replica not saved",
        {{"model", replica_.name()}, {"error", ToString(saved)}});
  }
}

void Follower::ListenOnce() {
  WatchRequest request;
  request.set_model(replica_.name());
  if (!want_everything_) {
    request.set_epoch(replica_.epoch());
    request.set_known_revision(replica_.revision());
  }
  collecting_ = false;
  const std::unique_ptr<rpc::StreamReader> reader =
      from_.OpenStream(rpc::Call::Background(kSilenceMeansDead, clock_, random_), kWatch, request);
  SetReader(reader.get());

  WatchResponse part;
  while (reader->Read(part, Deadline::After(kSilenceMeansDead))) {
    if (!Take(part)) break;
    SaveIfDue();
    part.Clear();
  }
  SetReader(nullptr);
  if (!stop_.stopped() && telemetry::ShouldLog("follow " + replica_.name())) {
    Log(telemetry::Info, "following was interrupted",
        {{"model", replica_.name()},
         {"neighbour", from_.service()},
         {"reason", ToString(reader->status())}});
  }
}

bool Follower::Take(WatchResponse& part) {
  const absl::StatusOr<Update::Kind> kind = KindOf(part.kind());
  if (!kind.ok()) return false;
  if (!collecting_) {
    pending_ = {.kind = *kind, .epoch = part.epoch(), .revision = part.revision()};
    pending_bytes_ = 0;
  } else if (*kind != pending_.kind || part.epoch() != pending_.epoch ||
             part.revision() != pending_.revision) {
    return false;  // parts of two updates mixed: not a producer to listen to
  }
  for (replica::v1::Item& item : *part.mutable_items()) {
    pending_bytes_ += item.key().size() + item.value().size();
    pending_.items.emplace_back(
        std::move(*item.mutable_key()),
        item.deleted() ? nullptr : MakeShared(std::move(*item.mutable_value())));
  }
  if (pending_bytes_ > kMaxUpdateBytes) return false;
  collecting_ = part.more_parts();
  return collecting_ || ApplyPending();
}

bool Follower::ApplyPending() {
  const absl::Status applied = replica_.Apply(pending_);
  const bool heartbeat = pending_.kind == Update::Kind::kHeartbeat;
  pending_ = {};
  if (!applied.ok()) {
    if (telemetry::ShouldLog("apply " + replica_.name())) {
      Log(telemetry::Warning, "update refused, the present copy stays",
          {{"model", replica_.name()},
           {"neighbour", from_.service()},
           {"reason", ToString(applied)}});
    }
    want_everything_ = true;
    return false;
  }
  if (!heartbeat) want_everything_ = false;
  attempts_in_vain_ = 0;
  absl::MutexLock lock(&mutex_);
  connected_ = true;
  return true;
}

void Follower::SaveIfDue() {
  if (clock_.SteadyNow() - saved_at_ < kSaveInterval) return;
  saved_at_ = clock_.SteadyNow();
  const absl::Status saved = replica_.SaveToDisk();
  if (!saved.ok() && telemetry::ShouldLog("save " + replica_.name())) {
    Log(telemetry::Warning, "replica not saved",
        {{"model", replica_.name()}, {"error", ToString(saved)}});
  }
}

}  // namespace holdfast::app
