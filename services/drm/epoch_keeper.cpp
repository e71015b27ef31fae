#include "services/drm/epoch_keeper.h"

#include <algorithm>

#include "absl/time/time.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/replica/record.h"
#include "libs/replica/snapshot_file.h"
#include "services/drm/key_wrap.h"

namespace holdfast::drm {
namespace {

constexpr std::size_t kEpochKeyBytes = 32;

std::string Encode(const std::map<EpochId, StoredEpoch>& epochs) {
  replica::RecordWriter out;
  out.U64(epochs.size());
  for (const auto& [id, epoch] : epochs) {
    out.I64(id.value());
    out.I64(EpochMillis(epoch.valid_from));
    out.Text(epoch.kek_id);
    out.Text(epoch.wrapped_key);
    out.Text(epoch.command_id);
  }
  return out.bytes();
}

absl::StatusOr<std::map<EpochId, StoredEpoch>> Decode(std::string_view bytes) {
  constexpr std::int64_t kLatestMs = 9'000'000'000'000;  // far from where time overflows
  replica::RecordReader in(bytes);
  std::map<EpochId, StoredEpoch> epochs;
  const std::uint64_t count = in.U64();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    StoredEpoch epoch;
    epoch.id = EpochId(in.I64());
    const std::int64_t valid_from_ms = in.I64();
    if (valid_from_ms < 0 || valid_from_ms > kLatestMs) return DataLoss("not a time");
    epoch.valid_from = FromEpochMillis(valid_from_ms);
    epoch.kek_id = in.Text();
    epoch.wrapped_key = in.Text();
    epoch.command_id = in.Text();
    epochs[epoch.id] = std::move(epoch);
  }
  if (!in.Finished()) return DataLoss("not a list of epochs");
  return epochs;
}

}  // namespace

EpochKeeper::EpochKeeper(security::KeySet keks, std::string file)
    : keks_(std::move(keks)), file_(std::move(file)) {
  HOLDFAST_CHECK(!keks_.signing_key_id().empty());
}

EpochKeeper::Ring EpochKeeper::ring() const {
  absl::MutexLock lock(&ring_mutex_);
  return ring_;
}

bool EpochKeeper::WaitUntilLoaded(Deadline deadline) const {
  absl::MutexLock lock(&ring_mutex_);
  const auto loaded = [this]() ABSL_SHARED_LOCKS_REQUIRED(ring_mutex_) { return !ring_->empty(); };
  return ring_mutex_.AwaitWithTimeout(absl::Condition(&loaded),
                                      absl::FromChrono(deadline.Remaining()));
}

absl::StatusOr<KeyRing> EpochKeeper::Unwrap(const StoredById& stored) const {
  std::vector<Epoch> epochs;
  for (const auto& [id, epoch] : stored) {
    const std::string* kek = keks_.secret(epoch.kek_id);
    if (kek == nullptr) {
      return DataLoss("epoch {} is wrapped with KEK {}, which is not held", id.value(),
                      epoch.kek_id);
    }
    absl::StatusOr<std::string> key = UnwrapKey(*kek, epoch.wrapped_key);
    if (key.ok() && key->size() != kEpochKeyBytes) key = DataLoss("{} bytes", key->size());
    if (!key.ok()) return DataLoss("epoch {}: {}", id.value(), View(key.status().message()));
    epochs.push_back({id, epoch.valid_from, *std::move(key)});
  }
  return KeyRing(std::move(epochs));
}

absl::Status EpochKeeper::LoadFromDisk() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, replica::ReadSnapshot(file_));
  absl::StatusOr<StoredById> stored = Decode(bytes);
  if (!stored.ok()) return Annotate(stored.status(), file_);
  absl::MutexLock lock(&update_mutex_);
  return Annotate(Adopt(*std::move(stored)), file_);
}

absl::Status EpochKeeper::Take(const std::vector<StoredEpoch>& epochs) {
  absl::MutexLock lock(&update_mutex_);
  StoredById merged = stored_;
  for (const StoredEpoch& epoch : epochs) merged[epoch.id] = epoch;
  if (merged != stored_) {
    HOLDFAST_RETURN_IF_ERROR(Adopt(std::move(merged)));
    saved_ = false;
  }
  if (saved_) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(replica::WriteSnapshot(file_, Encode(stored_)));
  saved_ = true;
  return absl::OkStatus();
}

absl::Status EpochKeeper::Adopt(StoredById stored) {
  HOLDFAST_ASSIGN_OR_RETURN(KeyRing ring, Unwrap(stored));
  stored_ = std::move(stored);
  absl::MutexLock lock(&ring_mutex_);
  ring_ = std::make_shared<const KeyRing>(std::move(ring));
  return absl::OkStatus();
}

std::vector<StoredEpoch> EpochKeeper::MissingFrom(const std::vector<StoredEpoch>& epochs) const {
  absl::MutexLock lock(&update_mutex_);
  std::vector<StoredEpoch> missing;
  for (const auto& [id, epoch] : stored_) {
    if (std::ranges::find(epochs, id, &StoredEpoch::id) == epochs.end()) missing.push_back(epoch);
  }
  return missing;
}

StoredEpoch EpochKeeper::Wrap(const Epoch& epoch) const {
  const std::string& kek_id = keks_.signing_key_id();
  return {.id = epoch.id,
          .valid_from = epoch.valid_from,
          .kek_id = kek_id,
          .wrapped_key = WrapKey(*keks_.secret(kek_id), epoch.key)};
}

std::optional<StoredEpoch> EpochKeeper::WithNewestKek(const StoredEpoch& epoch) const {
  const std::string* kek = keks_.secret(epoch.kek_id);
  if (epoch.kek_id == keks_.signing_key_id() || kek == nullptr) return std::nullopt;
  const absl::StatusOr<std::string> key = UnwrapKey(*kek, epoch.wrapped_key);
  if (!key.ok()) return std::nullopt;
  StoredEpoch rewrapped = Wrap({epoch.id, epoch.valid_from, *key});
  rewrapped.command_id = epoch.command_id;
  return rewrapped;
}

}  // namespace holdfast::drm
