#include "services/analytics/event_buffer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "libs/testing/status_matchers.h"

namespace holdfast::analytics {
namespace {

using test::HasCode;

std::vector<PlaybackEvent> Events(int first, int count) {
  std::vector<PlaybackEvent> events;
  for (int i = first; i < first + count; ++i) {
    events.push_back({.id = EventId("e" + std::to_string(i)), .channel = ChannelId("1")});
  }
  return events;
}

TEST(EventBufferTest, GivesEventsBackInOrder) {
  EventBuffer buffer({});
  ASSERT_OK_AND_ASSIGN(const EventBuffer::Outcome outcome, buffer.Offer(Events(0, 5)));
  EXPECT_EQ(outcome.accepted.size(), 5u);
  EXPECT_EQ(buffer.Take(3), Events(0, 3));
  EXPECT_EQ(buffer.Take(3), Events(3, 2));
  EXPECT_EQ(buffer.Take(3), Events(0, 0));
}

TEST(EventBufferTest, TakesAnIdOnceAlsoAfterItWasFlushed) {
  EventBuffer buffer({});
  std::vector<PlaybackEvent> twice = Events(0, 1);
  twice.push_back(twice.front());
  ASSERT_OK_AND_ASSIGN(EventBuffer::Outcome outcome, buffer.Offer(twice));
  EXPECT_EQ(outcome.duplicates, 1);
  buffer.Take(10);
  ASSERT_OK_AND_ASSIGN(outcome, buffer.Offer(Events(0, 2)));
  EXPECT_EQ(outcome.duplicates, 1);
  EXPECT_EQ(outcome.accepted, Events(1, 1));
}

TEST(EventBufferTest, ForgetsTheOldestIdsFirst) {
  EventBuffer buffer({.remembered_ids = 2});
  ASSERT_TRUE(buffer.Offer(Events(0, 3)).ok());
  ASSERT_OK_AND_ASSIGN(const EventBuffer::Outcome outcome, buffer.Offer(Events(0, 3)));
  // e0 was forgotten, taken again, and made e1 be forgotten, and so on.
  EXPECT_EQ(outcome.accepted.size() + static_cast<std::size_t>(outcome.duplicates), 3u);
  EXPECT_EQ(outcome.accepted.front(), Events(0, 1).front());
}

TEST(EventBufferTest, AFullBufferTakesNothingOfABatch) {
  EventBuffer buffer({.max_events = 3});
  ASSERT_TRUE(buffer.Offer(Events(0, 2)).ok());
  EXPECT_THAT(buffer.Offer(Events(2, 2)), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(buffer.size(), 2u);
  buffer.Take(2);
  ASSERT_OK_AND_ASSIGN(const EventBuffer::Outcome outcome, buffer.Offer(Events(2, 2)));
  EXPECT_EQ(outcome.accepted.size(), 2u);
}

TEST(EventBufferTest, ReportersAndTheFlushDoNotDisturbEachOther) {
  EventBuffer buffer({});
  std::atomic<int> reporters = 2;
  std::vector<std::thread> threads;
  for (int reporter = 0; reporter < 2; ++reporter) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) EXPECT_TRUE(buffer.Offer(Events(i, 1)).ok());
      --reporters;
    });
  }
  std::size_t taken = 0;
  while (reporters > 0 || buffer.size() > 0) taken += buffer.Take(100).size();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 2000u);
}

}  // namespace
}  // namespace holdfast::analytics
