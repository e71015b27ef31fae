// What the portal must remember. PostgreSQL behind it (pg_store.h); every call blocks up to its
// deadline and answers UNAVAILABLE or DEADLINE_EXCEEDED when the database cannot be used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/middleware/domain/device.h"
#include "services/middleware/domain/lineup_import.h"

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
  std::string hardware_id;        // kept if none is known yet
  std::string chosen_token_hash;  // replaces the one before
};

struct FavouritesWrite {
  std::string mac;
  std::vector<ChannelId> channels;
  std::int64_t at_ms = 0;
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
  // A login on the box: like PutDevice, and a token that it made up becomes good (empty: none).
  virtual absl::StatusOr<Device> LogIn(Deadline deadline, const Mac& mac, const AccountId& account,
                                       const std::string& chosen_token_hash) = 0;
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

  // Both keep what is newer than the write, so writes may be repeated and may come late. Unknown
  // devices are skipped.
  virtual absl::Status SaveFavourites(Deadline deadline,
                                      const std::vector<FavouritesWrite>& writes) = 0;
  virtual absl::Status SaveLastChannels(Deadline deadline,
                                        const std::vector<LastChannelWrite>& writes) = 0;
};

}  // namespace holdfast::middleware
