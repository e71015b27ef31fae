// What stands between set-top boxes and the portals: a plain load balancer of the operator's.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/sim/world.h"

namespace holdfast::sim {

// Knows which portals are ready from checks once a second, asks any of those, and another one when
// the first refuses the connection or is silent for three seconds (twice at most). What a portal
// answers, it passes on.
class FrontDoor final : public Actor, public Sender {
 public:
  struct Question {
    std::uint64_t who = 0;  // the asker's
    std::size_t method = 0;
    Criticality criticality = Criticality::kInteractive;
  };
  class Outsider {
   public:
    virtual void Answered(const Question& question, absl::StatusCode code) = 0;

   protected:
    ~Outsider() = default;
  };

  FrontDoor(World& world, std::size_t portal, Outsider& outsider);

  void Ask(const Question& question);

  void Answered(Handle request) override;
  void Act(std::uint32_t what, std::uint64_t with) override;

 private:
  enum What : std::uint32_t { kCheck, kSilent };
  static constexpr int kMaxTries = 3;

  struct Open {
    Question question;
    int tries = 0;
    Handle request = kNothing;
  };

  void Try(Handle id, Open& open);
  void Check();

  World& world_;
  const std::size_t portal_;
  Outsider& outsider_;
  std::vector<std::size_t> ready_;
  Slab<Open> open_;
};

}  // namespace holdfast::sim
