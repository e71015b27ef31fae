// What the parts of the store in PostgreSQL share: device rows and revisions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/pg_pool.h"
#include "services/middleware/domain/device.h"

namespace holdfast::middleware {

// In the order that DeviceAt reads.
#define HOLDFAST_DEVICE_COLUMNS                                                            \
  "mac, device_id, coalesce(account_id, ''), generation, chosen_token_hash, started, "     \
  "hardware_id, model, array_to_string(favourites, ','), favourites_at_ms, last_channel, " \
  "last_channel_at_ms, revision, session_since, settings"

Device DeviceAt(const storage::PgResult& rows, int row);
std::vector<Device> AllDevices(const storage::PgResult& rows);

// NULL for no account.
storage::PgParam AccountParam(const AccountId& account);

// The topic's row stays locked until the transaction ends: revisions commit in their order.
absl::StatusOr<std::uint64_t> NextRevision(storage::PgTransaction& tx, std::string_view topic);

// A serialized v1.BoxSettings.
BoxSettings ParseSettings(const std::string& bytes);
std::string SettingsBytes(const BoxSettings& settings);

}  // namespace holdfast::middleware
