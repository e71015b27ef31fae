// EXPECT_TRUE(Eventually([&] { return server.seen() == 3; })); waits for something that another
// thread or process does. Polls every 2 ms; gives up after the limit. Not a sleep: it returns as
// soon as the condition holds.
#pragma once

#include <chrono>
#include <functional>

namespace holdfast::test {

bool Eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::seconds(10));

}  // namespace holdfast::test
