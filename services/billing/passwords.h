// argon2id takes 64 MiB and tens of ms each time: in this process at most two run at once, the rest
// waits. So a flood of logins costs patience, not memory. Worker threads only.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::billing {

std::string HashSlowly(std::string_view secret);
bool MatchesSlowly(std::string_view secret, std::string_view hash);

// Takes as long as MatchesSlowly and answers false: for a login that does not exist, so that the
// time of an answer does not tell which logins do.
bool MatchesNothing(std::string_view secret);

}  // namespace holdfast::billing
