// SPDX-License-Identifier: Apache-2.0
#include <modal/base/insist.hpp>

#include "support/catch.hpp"

#include <memory>

using modal::detail::insist;

TEST_CASE("insist: repeats what there was no memory for, and nothing else", "[base][insist]") {
  int tries = 0;
  CHECK(insist([&] {
          if (++tries < 4) throw std::bad_alloc();
          return tries;
        }) == 4);
  CHECK(tries == 4);
  const auto kept = std::make_unique<int>(7);
  int& same = insist([&]() -> int& { return *kept; });
  CHECK(&same == kept.get());
}
