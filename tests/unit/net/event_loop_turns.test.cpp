// SPDX-License-Identifier: Apache-2.0
// Who comes first, of those that have something to do at the same time.
#include "unit/net/loop_probe.hpp"

#include <memory>

using namespace test;
using modal::polling;

TEST_CASE("event loop: those with much to do wait for the others", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  descriptors pairs[3];
  std::vector<int> order;
  std::shared_ptr<probe> targets[3];
  for (int i = 0; i < 3; ++i) {
    targets[i] = std::make_shared<probe>();
    targets[i]->does = [&, i](auto what) {
      if ((what & word) != 0)
        loop.watch(pairs[i].ends[0], *targets[i]);
      else if ((what & event_loop::readable) != 0)
        order.push_back(i);
    };
    loop.raise(*targets[i], word);
  }
  loop.run_ready();  // all are writable
  targets[0]->set_heavy(true);
  targets[1]->set_heavy(true);
  for (auto& each : pairs) each.write();
  loop.run_ready();
  CHECK(order == std::vector{2, 0, 1});
  targets[0]->set_heavy(false);
  order.clear();
  for (auto& each : pairs) each.write();
  loop.run_ready();
  CHECK(order == std::vector{0, 2, 1});
  for (int i = 0; i < 3; ++i) {
    targets[i]->does = [&, i](auto) { loop.unwatch(pairs[i].ends[0], *targets[i]); };
    loop.raise(*targets[i], word);
  }
}
