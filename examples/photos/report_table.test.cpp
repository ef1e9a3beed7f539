// SPDX-License-Identifier: Apache-2.0
#include "report_table.hpp"

#include "support/catch.hpp"

using namespace std::chrono_literals;

TEST_CASE("report table: aligns its columns and adds them up", "[photos][report_table]") {
  const std::string table =
      photos::render_table({{"coffee.png", "edges", "cuda:0", 1ms, 20ms, 300us, 22ms},
                            {"a.jpg", "denoise", "cpu", 0ms, 1s, 2ms, 1002ms}});
  CHECK(table ==
        "photo       function  device  queue ms  run ms  transfer ms  total ms\n"
        "----------  --------  ------  --------  ------  -----------  --------\n"
        "coffee.png  edges     cuda:0       1.0    20.0          0.3      22.0\n"
        "a.jpg       denoise   cpu          0.0  1000.0          2.0    1002.0\n"
        "----------  --------  ------  --------  ------  -----------  --------\n"
        "all         2 calls                1.0  1020.0          2.3    1024.0\n");
}
