#include "libs/rpc/reminders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::rpc {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

class RemindersTest : public testing::Test {
 protected:
  class Listener final : public Reminded {
   public:
    Listener(std::vector<int>& heard, int name) : heard_(heard), name_(name) {}
    void Remind() override { heard_.push_back(name_); }

   private:
    std::vector<int>& heard_;
    const int name_;
  };

  std::shared_ptr<Listener> Add(int name, milliseconds at) {
    auto listener = std::make_shared<Listener>(heard_, name);
    reminders_.Add(start_ + at, listener);
    return listener;
  }

  const SteadyTime start_ = SteadyTime(std::chrono::hours(1));
  std::vector<int> heard_;
  Reminders reminders_;
};

TEST_F(RemindersTest, EverybodyIsRemindedOnceAndInOrder) {
  const auto third = Add(3, milliseconds(30));
  const auto first = Add(1, milliseconds(10));
  const auto second = Add(2, milliseconds(20));
  EXPECT_EQ(reminders_.next(), start_ + milliseconds(10));
  reminders_.Run(start_);
  EXPECT_THAT(heard_, IsEmpty());
  reminders_.Run(start_ + milliseconds(20));
  EXPECT_THAT(heard_, ElementsAre(1, 2));
  reminders_.Run(start_ + milliseconds(40));
  EXPECT_THAT(heard_, ElementsAre(1, 2, 3));
  EXPECT_EQ(reminders_.next(), std::nullopt);
}

TEST_F(RemindersTest, WhoHasEndedIsNotReminded) {
  Add(1, milliseconds(10)).reset();
  const auto second = Add(2, milliseconds(20));
  reminders_.Run(start_ + milliseconds(20));
  EXPECT_THAT(heard_, ElementsAre(2));
}

// Adds itself again: what a reminded call does when it asks another instance.
TEST_F(RemindersTest, WhoIsRemindedMayAskForMore) {
  class Again final : public Reminded, public std::enable_shared_from_this<Again> {
   public:
    explicit Again(Reminders& reminders) : reminders_(reminders) {}
    void Remind() override {
      ++times_;
      reminders_.Add(SteadyTime(std::chrono::hours(2)), weak_from_this());
    }
    int times() const { return times_; }

   private:
    Reminders& reminders_;
    int times_ = 0;
  };
  const auto again = std::make_shared<Again>(reminders_);
  reminders_.Add(start_, again);
  reminders_.Run(start_);
  reminders_.Run(start_);
  EXPECT_EQ(again->times(), 1);
  EXPECT_EQ(reminders_.next(), SteadyTime(std::chrono::hours(2)));
}

}  // namespace
}  // namespace holdfast::rpc
