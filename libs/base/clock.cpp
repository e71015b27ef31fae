#include "libs/base/clock.h"

namespace holdfast {

const SystemClock& SystemClock::Get() {
  static const SystemClock clock;
  return clock;
}

}  // namespace holdfast
