// The PIN that opens locked channels and films.
#pragma once

#include <string_view>

namespace holdfast::middleware {

inline constexpr std::string_view kFirstPin = "0000";  // of a box on which none was chosen

// 1 to 16 letters and digits: what the remote control of a box can enter.
bool IsPin(std::string_view text);

// Takes as long for a nearly right PIN as for a wrong one.
bool PinOpens(std::string_view pin, std::string_view offered);

}  // namespace holdfast::middleware
