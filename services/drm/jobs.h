// What drm does without being asked.
#pragma once

#include "absl/status/status.h"
#include "libs/base/deadline.h"
#include "services/drm/epoch_maker.h"
#include "services/drm/play_keys.h"

namespace holdfast::drm {

// Every instance, every few seconds: has what the database has, and the play keys of the folder.
// With the database away the instance goes on with what it holds.
class RefreshJob {
 public:
  RefreshJob(EpochMaker& maker, PlayKeys& play_keys) : maker_(maker), play_keys_(play_keys) {}

  absl::Status Run(Deadline deadline);

 private:
  EpochMaker& maker_;
  PlayKeys& play_keys_;
};

// One instance at a time: epochs are made days ahead.
class MaintainJob {
 public:
  explicit MaintainJob(EpochMaker& maker) : maker_(maker) {}

  absl::Status Run(Deadline deadline) { return maker_.Maintain(deadline); }

 private:
  EpochMaker& maker_;
};

}  // namespace holdfast::drm
