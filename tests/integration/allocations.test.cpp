// SPDX-License-Identifier: Apache-2.0
// How often a call takes memory, once everything is warm. Every operator new of the process counts,
// on the thread that calls it.
#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include "support/catch.hpp"
#include "support/watched_new.hpp"

#include <atomic>

namespace {

std::atomic<std::size_t> all{0};
thread_local std::size_t here = 0;

}  // namespace

bool test::on_new() noexcept {
  all.fetch_add(1, std::memory_order_relaxed);
  ++here;
  return true;
}

namespace counted {

int add(int a, int b) { return a + b; }

}  // namespace counted

MODAL_FUNCTION(counted::add)

namespace {

constexpr int calls = 400;

struct counts {
  double caller;  // on the calling thread
  double others;  // on all other threads: the executor's, and the client's where there is one
};

// What one call costs on average, after as many that are not counted.
template <class Call>
counts count(Call&& call) {
  for (int i = 0; i < calls; ++i) call();
  const std::size_t here_before = here;
  const std::size_t all_before = all.load();
  for (int i = 0; i < calls; ++i) call();
  const auto own = static_cast<double>(here - here_before);
  const auto total = static_cast<double>(all.load() - all_before);
  return {own / calls, (total - own) / calls};
}

}  // namespace

TEST_CASE("allocations: of a blocking call, at both ends", "[integration][allocations]") {
  modal::executor executor{{.address = "127.0.0.1", .port = 0, .threads = 2}};
  executor.start();
  modal::client client(executor.url());
  const auto add = modal::remote<counted::add>.on(client);
  const counts blocking = count([&] { REQUIRE(add(1, 2) == 3); });
  const counts spawned = count([&] { REQUIRE(add.spawn(1, 2).get() == 3); });
  // Now and then a pool or a table grows, which is no cost of a call.
  constexpr double growth = 0.1;
  CHECK(blocking.caller <= 0 + growth);
  CHECK(blocking.others <= 1 + growth);
  // The client's own thread is among the others.
  CHECK(spawned.caller + spawned.others - blocking.others <= 2 + growth);
}
