// Discovery as the plant sees it: leases, watches, and the production guard against lists that lie.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libs/discovery/guarded_set.h"
#include "tests/sim/timeline.h"

namespace holdfast::sim {

class World;

// One guarded set for each service stands for those of all processes, which see the same lists
// within milliseconds of each other. Tells every process that calls the service, each a little
// later than the back end. While it is away nobody learns anything, nobody's lease runs out, and a
// process that starts begins with the last set that was good.
class Directory final : public Actor {
 public:
  static constexpr Duration kLease = std::chrono::seconds(5);

  Directory(World& world, std::size_t services);

  void StartWithTheWorld();  // everybody is registered, and known to be

  void Register(std::size_t process);
  void StateChanged(std::size_t process);
  void Unregister(std::size_t process);  // says goodbye
  void Vanished(std::size_t process);    // its lease runs out
  void SetAway(bool away);
  // The back end lies: this is its list from now on, until SpeakTruth.
  void Lie(std::size_t service, discovery::InstanceSet list);
  void SpeakTruth(std::size_t service);

  const discovery::InstanceSet& Believed(std::size_t service) const {
    return views_[service].guarded.current();
  }

  void Act(std::uint32_t what, std::uint64_t with) override;

 private:
  enum What : std::uint32_t { kOffer, kLeaseOver, kTick, kTell };
  struct View {
    discovery::GuardedSet guarded{std::chrono::seconds(30)};
    std::vector<bool> registered;  // by process; what the back end would say
    std::optional<discovery::InstanceSet> lie;
    bool offer_asked = false;
  };

  void Changed(std::size_t service);
  void Offer(std::size_t service);
  void Believe(std::size_t service);  // tells everybody
  discovery::InstanceSet Truth(std::size_t service) const;

  World& world_;
  bool away_ = false;
  std::vector<View> views_;
};

}  // namespace holdfast::sim
