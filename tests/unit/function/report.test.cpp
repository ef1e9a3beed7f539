// SPDX-License-Identifier: Apache-2.0
#include <modal/function/report.hpp>

#include "support/catch.hpp"

TEST_CASE("call report: nothing is measured at first", "[function][report]") {
  const modal::call_report report;
  CHECK(report.id.is_nil());
  CHECK(report.attempts == 0);
  CHECK(report.queue + report.decode + report.run + report.encode == std::chrono::nanoseconds{0});
  CHECK(report.transfer + report.total == std::chrono::nanoseconds{0});
  CHECK(report.bytes_in + report.bytes_out == 0);
}
