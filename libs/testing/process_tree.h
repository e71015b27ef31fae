// Processes that a test did not start itself: the children of a server it started.
#pragma once

#include <sys/types.h>

#include <vector>

namespace holdfast::test {

// Neither counts a process that has ended, also if nobody has collected it yet. Any process may end
// while it is looked at.
std::vector<pid_t> ChildrenOf(pid_t pid);
bool Alive(pid_t pid);

}  // namespace holdfast::test
