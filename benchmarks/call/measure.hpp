// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measurement.hpp"

namespace bench {

/// Calls the server as told, and measures. **Errors**: any failure, a wrong answer too, is printed
/// and ends the process: the client is there for this one measurement.
sample measure(const measurement& what);

}  // namespace bench
