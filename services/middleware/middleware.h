// The whole service as one function, so that tests run exactly what main runs.
#pragma once

#include "libs/app/app.h"
#include "services/middleware/config.h"

namespace holdfast::middleware {

absl::Status Run(const Config& config, app::Runtime& runtime);

}  // namespace holdfast::middleware
