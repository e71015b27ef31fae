#include "libs/telemetry/trace.h"

#include <gtest/gtest.h>

#include <random>

namespace holdfast::telemetry {
namespace {

constexpr char kHeader[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, AHeaderSurvivesParsingAndPrinting) {
  const std::optional<TraceContext> trace = TraceContext::Parse(kHeader);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->trace_id.ToString(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace->parent_id, 0x00f067aa0ba902b7U);
  EXPECT_TRUE(trace->sampled);
  EXPECT_EQ(trace->ToHeader(), kHeader);
}

TEST(TraceContext, OnlyTheLowestFlagMeansSampled) {
  EXPECT_FALSE(
      TraceContext::Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe")->sampled);
  EXPECT_TRUE(
      TraceContext::Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0b")->sampled);
}

TEST(TraceContext, ALaterVersionIsReadAsFarAsWeKnowIt) {
  EXPECT_TRUE(TraceContext::Parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_TRUE(TraceContext::Parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
  EXPECT_FALSE(TraceContext::Parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more"));
}

TEST(TraceContext, MalformedHeadersAreNothing) {
  for (const char* header : {
           "",
           "-",
           "00",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
       }) {
    EXPECT_FALSE(TraceContext::Parse(header)) << header;
  }
}

TEST(TraceContext, DamagedHeadersNeverGiveAnUnusableTrace) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 5000; ++i) {
    std::string header = kHeader;
    header[random() % header.size()] = static_cast<char>(random());
    if (random() % 4 == 0) header.resize(random() % 60, 'a');
    const std::optional<TraceContext> trace = TraceContext::Parse(header);
    if (!trace) continue;
    EXPECT_TRUE(TraceContext::Parse(trace->ToHeader())) << header;
  }
}

TEST(TraceContext, AChildKeepsTheTraceAndHasASpanOfItsOwn) {
  SeededRandom random(7);
  const TraceContext parent = TraceContext::Start(random);
  const TraceContext child = parent.Child(random);
  EXPECT_EQ(child.trace_id, parent.trace_id);
  EXPECT_NE(child.parent_id, parent.parent_id);
  EXPECT_TRUE(TraceContext::Parse(parent.ToHeader()));
  EXPECT_TRUE(TraceContext::Parse(child.ToHeader()));
}

TEST(ScopedTrace, TheInnermostIsCurrent) {
  SeededRandom random(7);
  const TraceContext outer = TraceContext::Start(random);
  const TraceContext inner = TraceContext::Start(random);
  EXPECT_EQ(ScopedTrace::Current(), nullptr);
  {
    const ScopedTrace first(outer);
    {
      const ScopedTrace second(inner);
      EXPECT_EQ(ScopedTrace::Current(), &inner);
    }
    EXPECT_EQ(ScopedTrace::Current(), &outer);
  }
  EXPECT_EQ(ScopedTrace::Current(), nullptr);
}

}  // namespace
}  // namespace holdfast::telemetry
