// One question and one answer over a plain socket: to see whether a server of the test answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::test {

// What 127.0.0.1:port sends within a second after `request`, up to its first pause or end; empty
// if nothing can be reached.
std::string Exchange(std::uint16_t port, std::string_view request);

}  // namespace holdfast::test
