// SPDX-License-Identifier: Apache-2.0
#include "progress_bar.hpp"

#include "support/catch.hpp"

#include <array>
#include <string>
#include <unistd.h>

using namespace std::chrono_literals;

TEST_CASE("progress bar: fills the line that it has", "[photos][progress_bar]") {
  const photos::progress half{"calling", 3, 6, 1500ms, "coffee.png edges"};
  CHECK(photos::render_bar(half, 40, false) == "calling [#########..........] 3/6  1.5 s");
  CHECK(photos::render_bar(half, 90, false) ==
        "calling [####################....................] 3/6  1.5 s  coffee.png edges");
}

TEST_CASE("progress bar: never exceeds the line", "[photos][progress_bar]") {
  const photos::progress full{"calling", 15, 15, 2s, "hubble_deep_field.jpg thumbnail"};
  for (std::size_t columns = 0; columns < 120; ++columns) {
    CHECK(photos::render_bar(full, columns, false).size() <= columns);
  }
}

TEST_CASE("progress bar: writes plain lines where there is no terminal", "[photos][progress_bar]") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  {
    photos::progress_bar bar("calling", 10, ends[1]);
    bar.finish("a");
    bar.refresh();
    bar.finish("b");
  }
  ::close(ends[1]);
  std::array<char, 256> text{};
  const auto count = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  REQUIRE(count > 0);
  CHECK(std::string(text.data(), static_cast<std::size_t>(count)) ==
        "calling  1/10  a\ncalling  2/10  b\n");
}
