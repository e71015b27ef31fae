// When a caller that was refused should come again. Spread at random, so that those who were
// refused together do not return together; the less critical, the later.
#pragma once

#include <chrono>

#include "libs/base/criticality.h"
#include "libs/base/random.h"

namespace holdfast::admission {

// For another service: 50 to 150 ms for a critical call, twice that for each class below.
std::chrono::milliseconds RetryPushback(Criticality criticality, Random& random);

// For a viewer's device, in whole seconds: 1 or 2 for a critical request, up to 3, 10 and 60 below.
std::chrono::seconds RetryAfter(Criticality criticality, Random& random);

}  // namespace holdfast::admission
