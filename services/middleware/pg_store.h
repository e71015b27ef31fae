// The store in PostgreSQL. Tables: sql/. No call is made from a request of a known box.
#pragma once

#include <string>

#include "libs/storage/pg_pool.h"
#include "services/middleware/store.h"

namespace holdfast::middleware {

// Thread-safe. `pool` must outlive it.
class PgStore : public Store {
 public:
  explicit PgStore(storage::PgPool& pool) : pool_(pool) {}

  absl::StatusOr<Position> Where(Deadline deadline) override;
  absl::StatusOr<StoredLineup> LoadLineup(Deadline deadline) override;
  absl::StatusOr<std::vector<Device>> DevicesSince(Deadline deadline, std::uint64_t revision,
                                                   int limit) override;

  absl::StatusOr<std::vector<StoredItem>> ItemsSince(Deadline deadline, const std::string& topic,
                                                     std::uint64_t revision) override;
  absl::StatusOr<std::optional<std::string>> FindItem(Deadline deadline, const std::string& topic,
                                                      const std::string& key) override;
  absl::StatusOr<std::vector<EventReceipt>> ReceiptsSince(Deadline deadline,
                                                          std::uint64_t revision) override;
  absl::Status PutItems(Deadline deadline, const std::string& topic,
                        const std::vector<StoredItem>& items) override;
  absl::StatusOr<std::string> AddItem(
      Deadline deadline, const std::string& topic, const std::string& key,
      const std::function<std::string(std::int64_t id)>& make) override;
  absl::Status SaveReceipts(Deadline deadline, const std::vector<EventReceipt>& receipts) override;
  absl::Status ForgetReceipts(Deadline deadline, const std::vector<std::int64_t>& events) override;
  absl::StatusOr<std::vector<ViewerItem>> LoadViewer(Deadline deadline,
                                                     const std::string& viewer) override;
  absl::StatusOr<std::vector<ViewerItem>> LoadHistory(Deadline deadline, const std::string& viewer,
                                                      const ItemPosition& after,
                                                      std::size_t limit) override;
  absl::StatusOr<std::vector<ViewerItem>> WriteViewerItems(Deadline deadline,
                                                           const std::string& viewer,
                                                           const std::vector<ViewerItem>& items,
                                                           ItemTimes times) override;
  absl::Status SaveViewerItems(Deadline deadline,
                               const std::vector<ViewerItemWrite>& writes) override;
  absl::StatusOr<std::int64_t> ForgetRemovedItems(Deadline deadline, std::int64_t before_ms,
                                                  std::int64_t limit) override;

  absl::Status Apply(Deadline deadline, const LineupImport& plan) override;

  absl::StatusOr<std::optional<Device>> FindDevice(Deadline deadline, const Mac& mac) override;
  absl::StatusOr<Device> Register(Deadline deadline, const NewDevice& device) override;
  absl::StatusOr<Device> PutDevice(Deadline deadline, const Mac& mac,
                                   const AccountId& account) override;
  absl::StatusOr<BoundDevice> Bind(Deadline deadline, const DeviceBinding& binding) override;
  absl::StatusOr<std::vector<Device>> Trim(Deadline deadline, const AccountId& account,
                                           int max_devices) override;
  absl::StatusOr<Device> RecordStart(Deadline deadline, const Mac& mac,
                                     const DeviceStart& start) override;
  absl::StatusOr<Device> LogOut(Deadline deadline, const Mac& mac) override;
  absl::StatusOr<Device> Revoke(Deadline deadline, const Mac& mac) override;
  absl::StatusOr<DevicePage> ListDevices(Deadline deadline, const AccountId& account,
                                         const std::string& first_mac, int limit) override;

  absl::Status SaveFavourites(Deadline deadline,
                              const std::vector<FavouritesWrite>& writes) override;
  absl::Status SaveLastChannels(Deadline deadline,
                                const std::vector<LastChannelWrite>& writes) override;
  absl::Status SaveSettings(Deadline deadline, const std::vector<SettingsWrite>& writes) override;
  absl::Status SaveSessions(Deadline deadline, const std::vector<SessionWrite>& writes) override;

 private:
  // Runs one statement that takes the next device revision as $1, then `parameters`, and returns
  // device rows. NOT_FOUND when it returns none.
  absl::StatusOr<Device> ChangeDevice(Deadline deadline, std::string_view sql,
                                      std::vector<storage::PgParam> parameters, const Mac& mac);

  storage::PgPool& pool_;
};

}  // namespace holdfast::middleware
