#include "services/middleware/pg_store_rows.h"

#include <optional>

#include "libs/base/status.h"
#include "services/middleware/convert.h"

namespace holdfast::middleware {

Device DeviceAt(const storage::PgResult& rows, int row) {
  Device device;
  device.mac = rows.Text(row, 0);
  device.id = rows.Int(row, 1);
  device.account = AccountId(std::string(rows.Text(row, 2)));
  device.generation = static_cast<std::uint32_t>(rows.Int(row, 3));
  device.chosen_token_hash = rows.Text(row, 4);
  device.started = rows.Bool(row, 5);
  device.hardware_id = rows.Text(row, 6);
  device.model = rows.Text(row, 7);
  device.favourites = ParseFavourites(rows.Text(row, 8));
  device.favourites_at_ms = rows.Int(row, 9);
  device.last_channel = ChannelId(rows.Int(row, 10));
  device.last_channel_at_ms = rows.Int(row, 11);
  device.revision = static_cast<std::uint64_t>(rows.Int(row, 12));
  device.session_since = rows.Int(row, 13);
  device.settings = ParseSettings(rows.Bytes(row, 14));
  return device;
}

std::vector<Device> AllDevices(const storage::PgResult& rows) {
  std::vector<Device> devices;
  devices.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) devices.push_back(DeviceAt(rows, row));
  return devices;
}

storage::PgParam AccountParam(const AccountId& account) {
  return account.value().empty() ? storage::PgParam(std::nullopt)
                                 : storage::PgParam(account.value());
}

// $1 topic.
constexpr std::string_view kNextRevision = R"sql(
  UPDATE change_counter SET revision = revision + 1 WHERE topic = $1 RETURNING revision
)sql";

absl::StatusOr<std::uint64_t> NextRevision(storage::PgTransaction& tx, std::string_view topic) {
  HOLDFAST_ASSIGN_OR_RETURN(const storage::PgResult rows, tx.Query(kNextRevision, topic));
  if (rows.rows() != 1) return Internal("no change counter for {}", topic);
  return static_cast<std::uint64_t>(rows.Int(0, 0));
}

BoxSettings ParseSettings(const std::string& bytes) {
  v1::BoxSettings settings;
  return settings.ParseFromString(bytes) ? FromProto(settings) : BoxSettings();
}

std::string SettingsBytes(const BoxSettings& settings) {
  return ToProto(settings).SerializeAsString();
}

}  // namespace holdfast::middleware
