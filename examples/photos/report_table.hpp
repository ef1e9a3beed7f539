// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace photos {

/// One line of the closing table: where the time of one call went.
struct report_row {
  std::string photo;
  std::string function;
  std::string device;                    ///< that ran it
  std::chrono::nanoseconds queue{0};     ///< waiting for a worker
  std::chrono::nanoseconds run{0};       ///< inside the function
  std::chrono::nanoseconds transfer{0};  ///< on the way there and back
  std::chrono::nanoseconds total{0};     ///< as the caller saw it
};

/// Returns the rows as an aligned table in milliseconds, with a heading and a row of sums.
std::string render_table(const std::vector<report_row>& rows);

}  // namespace photos
