// A broken invariant ends the process: an instance is replaceable, a wrong ledger is not.
#pragma once

#include <string_view>

namespace holdfast {

// Prints the message with its place on standard error and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, std::string_view what);

}  // namespace holdfast

#define HOLDFAST_CHECK(condition)                                               \
  do {                                                                          \
    if (!(condition)) ::holdfast::CheckFailed(__FILE__, __LINE__, #condition);  \
  } while (false)
