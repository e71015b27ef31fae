// Where adult channels and films are shown outside of set-top boxes (decision 0032).
#pragma once

#include "services/middleware/account_notes.h"

namespace holdfast::middleware {

enum class AdultChannels { kHidden, kShown };

// Thread-safe; memory only. `notes` must outlive it.
class AdultRule {
 public:
  // `shown`: the operator shows them at all.
  AdultRule(bool shown, const AccountNotes& notes) : shown_(shown), notes_(notes) {}

  // The operator's own apps ask for the PIN, and no link is handed out without it.
  AdultChannels InApps() const { return shown_ ? AdultChannels::kShown : AdultChannels::kHidden; }
  // Players of playlists and of the Xtream API cannot ask: the household has to allow it.
  AdultChannels InPlayers(const AccountId& account) const {
    return shown_ && notes_.AdultInPlayers(account) ? AdultChannels::kShown
                                                    : AdultChannels::kHidden;
  }

 private:
  const bool shown_;
  const AccountNotes& notes_;
};

}  // namespace holdfast::middleware
