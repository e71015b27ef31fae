// What the portal must remember. PostgreSQL behind it (pg_store.h); every call blocks up to its
// deadline and answers UNAVAILABLE or DEADLINE_EXCEEDED when the database cannot be used.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/middleware/domain/device.h"
#include "services/middleware/domain/device_limit.h"
#include "services/middleware/domain/lineup_import.h"
#include "services/middleware/domain/viewer_item.h"

namespace holdfast::middleware {

// A box that starts for the first time.
struct NewDevice {
  Mac mac;
  AccountId account;  // empty: none
  std::string model;
};

// What the start of a box leaves behind. Empty texts change nothing.
struct DeviceStart {
  std::string model;
  std::string hardware_id;         // kept if none is known yet
  std::string chosen_token_hash;   // replaces the one before
  std::int64_t session_since = 0;  // never goes back
};

struct FavouritesWrite {
  std::string mac;
  std::vector<ChannelId> channels;
  std::int64_t at_ms = 0;
};

struct SettingsWrite {
  std::string mac;
  BoxSettings settings;  // each with its own time
};

// The box has begun a session with a token of ours made at `since` (epoch seconds).
struct SessionWrite {
  std::string mac;
  std::int64_t since = 0;
};

// A login on a box, or an operator's word that it is of the account.
struct DeviceBinding {
  Mac mac;
  AccountId account;
  std::string chosen_token_hash;  // a token that the box made up becomes good; empty: none
  DeviceLimit limit;
};

struct BoundDevice {
  Device device;
  std::vector<Device> released;  // gave way: of no account now
};

// One entry of a topic that operators set ("box_event", "catalogue"): a serialized message.
struct StoredItem {
  std::string key;
  std::optional<std::string> content;  // nothing: removed
  std::uint64_t revision = 0;          // when reading
};

// The box is done with the event.
struct EventReceipt {
  std::int64_t event_id = 0;
  std::string mac;
  std::int64_t at_ms = 0;
};

struct ViewerItemWrite {
  std::string viewer;
  ViewerItem item;
};

// Whose clock gave items their times.
enum class ItemTimes {
  kDevices,  // a write that is not newer than what is held changes nothing
  kOurs,     // this is the newest: later than what is held, whatever the instances' clocks say
};

struct LastChannelWrite {
  std::string mac;
  ChannelId channel{0};
  std::int64_t at_ms = 0;
};

// Where the database stands, for instances that follow it.
struct Position {
  std::string life;  // revisions compare only within one
  std::uint64_t lineup = 0;
  std::uint64_t devices = 0;
  std::uint64_t events = 0;
  std::uint64_t receipts = 0;
  std::uint64_t catalogue = 0;
  std::uint64_t account_notes = 0;
};

struct DevicePage {
  std::vector<Device> devices;
  std::string next_mac;  // empty: the last page
};

// Thread-safe.
class Store {
 public:
  virtual ~Store() = default;

  // -- Following ------------------------------------------------------------------------------
  virtual absl::StatusOr<Position> Where(Deadline deadline) = 0;
  // Everything, also removed channels.
  virtual absl::StatusOr<StoredLineup> LoadLineup(Deadline deadline) = 0;
  // Devices that changed after `revision`, in the order of their revisions. About `limit` of them:
  // never fewer while there are more, and never a part of one revision.
  virtual absl::StatusOr<std::vector<Device>> DevicesSince(Deadline deadline,
                                                           std::uint64_t revision, int limit) = 0;

  // Items of the topic that changed after `revision`, removed ones too, in the order of revisions.
  virtual absl::StatusOr<std::vector<StoredItem>> ItemsSince(Deadline deadline,
                                                             const std::string& topic,
                                                             std::uint64_t revision) = 0;
  // Nothing: it is not there, or was removed.
  virtual absl::StatusOr<std::optional<std::string>> FindItem(Deadline deadline,
                                                              const std::string& topic,
                                                              const std::string& key) = 0;
  virtual absl::StatusOr<std::vector<EventReceipt>> ReceiptsSince(Deadline deadline,
                                                                  std::uint64_t revision) = 0;

  // -- Items ------------------------------------------------------------------------------------
  // All or nothing. Without content an item is removed; its key is never free again.
  virtual absl::Status PutItems(Deadline deadline, const std::string& topic,
                                const std::vector<StoredItem>& items) = 0;
  // The content of that key: what is there, or what `make` makes with a new id.
  // FAILED_PRECONDITION: it was removed.
  virtual absl::StatusOr<std::string> AddItem(
      Deadline deadline, const std::string& topic, const std::string& key,
      const std::function<std::string(std::int64_t id)>& make) = 0;
  // May be repeated.
  virtual absl::Status SaveReceipts(Deadline deadline,
                                    const std::vector<EventReceipt>& receipts) = 0;
  virtual absl::Status ForgetReceipts(Deadline deadline,
                                      const std::vector<std::int64_t>& events) = 0;

  // -- Viewers ----------------------------------------------------------------------------------
  // All that is there of one viewer, of the history the newest entries; and what was removed last,
  // so that what waits elsewhere is seen to be older.
  virtual absl::StatusOr<std::vector<ViewerItem>> LoadViewer(Deadline deadline,
                                                             const std::string& viewer) = 0;
  // Entries of the history that are there behind `after`, in the order of ItemPosition.
  virtual absl::StatusOr<std::vector<ViewerItem>> LoadHistory(Deadline deadline,
                                                              const std::string& viewer,
                                                              const ItemPosition& after,
                                                              std::size_t limit) = 0;

  // What is asked at this moment, all or nothing. Answers what is held of each item afterwards, in
  // their order. A removal of what is not there writes nothing. FAILED_PRECONDITION: more would be
  // there than kMaxViewerItems.
  virtual absl::StatusOr<std::vector<ViewerItem>> WriteViewerItems(
      Deadline deadline, const std::string& viewer, const std::vector<ViewerItem>& items,
      ItemTimes times) = 0;
  // What was acknowledged before and is replayed: never refused. Keeps what is newer than the
  // write, so writes may be repeated and may come late.
  virtual absl::Status SaveViewerItems(Deadline deadline,
                                       const std::vector<ViewerItemWrite>& writes) = 0;
  // Forgets what was removed before that time, at most `limit` items; how many it were.
  virtual absl::StatusOr<std::int64_t> ForgetRemovedItems(Deadline deadline, std::int64_t before_ms,
                                                          std::int64_t limit) = 0;

  // -- Lineup ---------------------------------------------------------------------------------
  // All of the plan or nothing. ABORTED if the lineup moved since the plan was made.
  virtual absl::Status Apply(Deadline deadline, const LineupImport& plan) = 0;

  // -- Devices --------------------------------------------------------------------------------
  virtual absl::StatusOr<std::optional<Device>> FindDevice(Deadline deadline, const Mac& mac) = 0;
  // Creates the device; one that is there already stays as it is.
  virtual absl::StatusOr<Device> Register(Deadline deadline, const NewDevice& device) = 0;
  // Creates the device or moves it to the account.
  virtual absl::StatusOr<Device> PutDevice(Deadline deadline, const Mac& mac,
                                           const AccountId& account) = 0;
  // Like PutDevice, but makes room in the account first. RESOURCE_EXHAUSTED: it is full (see
  // WhoGivesWay).
  virtual absl::StatusOr<BoundDevice> Bind(Deadline deadline, const DeviceBinding& binding) = 0;
  // Boxes beyond `max_devices` (> 0) leave the account, those that joined it longest ago first; the
  // answer is who left.
  virtual absl::StatusOr<std::vector<Device>> Trim(Deadline deadline, const AccountId& account,
                                                   int max_devices) = 0;
  // NOT_FOUND for an unknown device.
  virtual absl::StatusOr<Device> RecordStart(Deadline deadline, const Mac& mac,
                                             const DeviceStart& start) = 0;
  // The box gives up its account, its hardware id and its tokens. NOT_FOUND.
  virtual absl::StatusOr<Device> LogOut(Deadline deadline, const Mac& mac) = 0;
  // All its tokens become worthless. NOT_FOUND.
  virtual absl::StatusOr<Device> Revoke(Deadline deadline, const Mac& mac) = 0;
  // By MAC, from `first_mac` on; an empty account means all.
  virtual absl::StatusOr<DevicePage> ListDevices(Deadline deadline, const AccountId& account,
                                                 const std::string& first_mac, int limit) = 0;

  // All of these keep what is newer than the write, so writes may be repeated and may come late.
  // Unknown devices are skipped.
  virtual absl::Status SaveFavourites(Deadline deadline,
                                      const std::vector<FavouritesWrite>& writes) = 0;
  virtual absl::Status SaveLastChannels(Deadline deadline,
                                        const std::vector<LastChannelWrite>& writes) = 0;
  virtual absl::Status SaveSettings(Deadline deadline,
                                    const std::vector<SettingsWrite>& writes) = 0;
  virtual absl::Status SaveSessions(Deadline deadline, const std::vector<SessionWrite>& writes) = 0;
};

}  // namespace holdfast::middleware
