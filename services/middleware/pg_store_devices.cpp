// Devices in PostgreSQL: registration, binding, sessions.
#include <utility>

#include "libs/base/status.h"
#include "services/middleware/pg_store.h"
#include "services/middleware/pg_store_rows.h"

namespace holdfast::middleware {

using storage::PgParam;
using storage::PgResult;
using storage::PgTransaction;

// $1 mac.
constexpr std::string_view kFindDevice =
    "SELECT " HOLDFAST_DEVICE_COLUMNS " FROM device WHERE mac = $1";

absl::StatusOr<std::optional<Device>> PgStore::FindDevice(Deadline deadline, const Mac& mac) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kFindDevice, mac.text()));
  if (rows.rows() == 0) return std::optional<Device>();
  return std::optional<Device>(DeviceAt(rows, 0));
}

absl::StatusOr<Device> PgStore::ChangeDevice(Deadline deadline, std::string_view sql,
                                             std::vector<PgParam> parameters, const Mac& mac) {
  std::optional<Device> changed;
  const absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "device"));
    std::vector<PgParam> all = {PgParam(revision)};
    all.insert(all.end(), parameters.begin(), parameters.end());
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx.Run(sql, all));
    if (rows.rows() == 0) return NotFound("device {} unknown", mac.text());
    changed = DeviceAt(rows, 0);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return *std::move(changed);
}

// $1 revision, $2 mac, $3 account, $4 model. A conflict returns no row.
constexpr std::string_view kRegister = R"sql(
  INSERT INTO device (revision, mac, account_id, model) VALUES ($1, $2, $3, $4)
  ON CONFLICT (mac) DO NOTHING
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::Register(Deadline deadline, const NewDevice& device) {
  absl::StatusOr<Device> created = ChangeDevice(
      deadline, kRegister,
      {PgParam(device.mac.text()), AccountParam(device.account), PgParam(device.model)},
      device.mac);
  if (!absl::IsNotFound(created.status())) return created;
  // Another instance, or an earlier try of this call, was first.
  HOLDFAST_ASSIGN_OR_RETURN(std::optional<Device> existing, FindDevice(deadline, device.mac));
  if (!existing) return Aborted("device {} appeared and vanished", device.mac.text());
  return *std::move(existing);
}

// $1 revision, $2 mac, $3 account.
constexpr std::string_view kPutDevice = R"sql(
  INSERT INTO device (revision, mac, account_id) VALUES ($1, $2, $3)
  ON CONFLICT (mac) DO UPDATE SET account_id = excluded.account_id, revision = excluded.revision
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::PutDevice(Deadline deadline, const Mac& mac,
                                          const AccountId& account) {
  return ChangeDevice(deadline, kPutDevice, {PgParam(mac.text()), AccountParam(account)}, mac);
}

// $1 revision, $2 mac.
constexpr std::string_view kLogOut = R"sql(
  UPDATE device
     SET revision = $1, account_id = NULL, hardware_id = '', chosen_token_hash = '',
         started = false, generation = generation + 1
   WHERE mac = $2
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

// $1 account, $2 mac that is no matter. The one that joined last first.
constexpr std::string_view kOthersOfAccount = R"sql(
  SELECT mac FROM device WHERE account_id = $1 AND mac <> $2 ORDER BY bound_at DESC, device_id DESC
)sql";

// $1 revision, $2 mac, $3 account, $4 hash or ''.
constexpr std::string_view kBind = R"sql(
  INSERT INTO device (revision, mac, account_id, chosen_token_hash) VALUES ($1, $2, $3, $4)
  ON CONFLICT (mac) DO UPDATE
     SET account_id = excluded.account_id, revision = excluded.revision,
         bound_at = CASE WHEN device.account_id = excluded.account_id THEN device.bound_at
                         ELSE now() END,
         chosen_token_hash = coalesce(nullif(excluded.chosen_token_hash, ''),
                                      device.chosen_token_hash)
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<BoundDevice> PgStore::Bind(Deadline deadline, const DeviceBinding& binding) {
  BoundDevice bound;
  const absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    // Whoever changes devices waits here for the one before: two boxes cannot take the last place.
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "device"));
    HOLDFAST_ASSIGN_OR_RETURN(
        const PgResult others,
        tx.Query(kOthersOfAccount, binding.account.value(), binding.mac.text()));
    std::vector<std::string> macs;
    for (int row = 0; row < others.rows(); ++row) macs.emplace_back(others.Text(row, 0));
    HOLDFAST_ASSIGN_OR_RETURN(const auto leaving, WhoGivesWay(macs, binding.limit));
    for (const std::string& mac : leaving) {
      HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx.Query(kLogOut, revision, mac));
      bound.released.push_back(DeviceAt(rows, 0));
    }
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                              tx.Query(kBind, revision, binding.mac.text(),
                                       AccountParam(binding.account), binding.chosen_token_hash));
    bound.device = DeviceAt(rows, 0);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return bound;
}

constexpr std::string_view kCountOfAccount = "SELECT count(*) FROM device WHERE account_id = $1";

absl::StatusOr<std::vector<Device>> PgStore::Trim(Deadline deadline, const AccountId& account,
                                                  int max_devices) {
  // Nearly always there is nothing to do: found out without holding up other writers.
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult count,
                            pool_.Query(deadline, kCountOfAccount, account.value()));
  if (max_devices <= 0 || count.Int(0, 0) <= max_devices) return std::vector<Device>();
  std::vector<Device> released;
  const absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "device"));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult others,
                              tx.Query(kOthersOfAccount, account.value(), std::string()));
    released.clear();
    for (int row = max_devices; row < others.rows(); ++row) {
      HOLDFAST_ASSIGN_OR_RETURN(const PgResult gone,
                                tx.Query(kLogOut, revision, std::string(others.Text(row, 0))));
      released.push_back(DeviceAt(gone, 0));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return released;
}

// $1 revision, $2 mac, $3 model, $4 hardware id, $5 hash ('' keeps what is there), $6 session.
constexpr std::string_view kRecordStart = R"sql(
  UPDATE device
     SET revision = $1, started = true,
         model = coalesce(nullif($3, ''), model),
         hardware_id = coalesce(nullif(hardware_id, ''), $4),
         chosen_token_hash = coalesce(nullif($5, ''), chosen_token_hash),
         session_since = greatest(session_since, $6)
   WHERE mac = $2
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::RecordStart(Deadline deadline, const Mac& mac,
                                            const DeviceStart& start) {
  return ChangeDevice(deadline, kRecordStart,
                      {PgParam(mac.text()), PgParam(start.model), PgParam(start.hardware_id),
                       PgParam(start.chosen_token_hash), PgParam(start.session_since)},
                      mac);
}

absl::StatusOr<Device> PgStore::LogOut(Deadline deadline, const Mac& mac) {
  return ChangeDevice(deadline, kLogOut, {PgParam(mac.text())}, mac);
}

// $1 revision, $2 mac. `started` stays, so that a token that a client makes up is not good either.
constexpr std::string_view kRevoke = R"sql(
  UPDATE device
     SET revision = $1, generation = generation + 1, chosen_token_hash = '', started = true
   WHERE mac = $2
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::Revoke(Deadline deadline, const Mac& mac) {
  return ChangeDevice(deadline, kRevoke, {PgParam(mac.text())}, mac);
}

// $1 account or '', $2 first mac, $3 how many.
constexpr std::string_view kListDevices = "SELECT " HOLDFAST_DEVICE_COLUMNS R"sql(
    FROM device
   WHERE ($1 = '' OR account_id = $1) AND mac >= $2
   ORDER BY mac LIMIT $3
)sql";

absl::StatusOr<DevicePage> PgStore::ListDevices(Deadline deadline, const AccountId& account,
                                                const std::string& first_mac, int limit) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      pool_.Query(deadline, kListDevices, account.value(), first_mac, limit + 1));
  DevicePage page;
  page.devices = AllDevices(rows);
  if (page.devices.size() > static_cast<std::size_t>(limit)) {
    page.next_mac = page.devices.back().mac;
    page.devices.pop_back();
  }
  return page;
}

}  // namespace holdfast::middleware
