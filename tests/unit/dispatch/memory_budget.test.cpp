// SPDX-License-Identifier: Apache-2.0
#include "dispatch/memory_budget.hpp"

#include "support/catch.hpp"

#include <deque>
#include <random>

using namespace modal::detail;

namespace {

struct arrivals {
  explicit arrivals(std::size_t limit) : budget(limit) {}
  ~arrivals() {
    for (auto& each : shares) budget.release(each);
  }

  memory_share& begin() {
    budget.begin_arrival(shares.emplace_back());
    return shares.back();
  }
  bool request(memory_share& share, std::size_t total) {
    return budget.request(share, total, [this] { ++resumed; });
  }
  void settle() {
    while (const auto resume = budget.take_resumed()) resume();
  }

  memory_budget budget;
  std::deque<memory_share> shares;
  int resumed = 0;
};

}  // namespace

TEST_CASE("memory budget: charges what is granted", "[dispatch][memory_budget]") {
  arrivals a(100);
  auto& share = a.begin();
  CHECK(a.request(share, 10));
  CHECK(a.request(share, 10));
  CHECK(a.request(share, 30));
  CHECK(a.budget.used() == 30);
  a.budget.release(share);
  CHECK(a.budget.used() == 0);
}

TEST_CASE("memory budget: lets the youngest wait and the oldest go on",
          "[dispatch][memory_budget]") {
  arrivals a(100);
  auto& oldest = a.begin();
  auto& younger = a.begin();
  CHECK(a.request(oldest, 50));
  CHECK(a.request(younger, 50));
  CHECK_FALSE(a.request(younger, 60));
  CHECK(a.request(oldest, 90));  // beyond the limit
  CHECK(a.budget.used() == 140);
  CHECK_FALSE(a.budget.has_room(0));
  a.settle();
  CHECK(a.resumed == 0);
  a.budget.release(oldest);  // the younger one is the oldest now
  a.settle();
  CHECK(a.resumed == 1);
  CHECK(younger.held == 60);
}

TEST_CASE("memory budget: a body that has come leaves its age to the next",
          "[dispatch][memory_budget]") {
  arrivals a(100);
  auto& oldest = a.begin();
  auto& younger = a.begin();
  CHECK(a.request(oldest, 100));
  CHECK_FALSE(a.request(younger, 10));
  a.budget.end_arrival(oldest);  // still held, by the call that runs
  a.settle();
  CHECK(a.resumed == 1);
  CHECK(a.budget.used() == 110);
}

TEST_CASE("memory budget: one body at a time goes beyond the limit", "[dispatch][memory_budget]") {
  arrivals a(100);
  auto& first = a.begin();
  auto& second = a.begin();
  auto& third = a.begin();
  CHECK(a.request(first, 80));
  CHECK_FALSE(a.request(second, 80));
  a.budget.end_arrival(first);
  a.settle();
  CHECK(a.budget.used() == 160);
  CHECK_FALSE(a.request(third, 80));
  a.budget.end_arrival(second);  // the third is the oldest now, and the two before it are held
  a.settle();
  CHECK(a.resumed == 1);
  CHECK(a.budget.used() == 160);
  a.budget.release(first);
  a.settle();
  CHECK(a.resumed == 2);
  CHECK(a.budget.used() == 160);
}

TEST_CASE("memory budget: resumes by age, and none before an older one",
          "[dispatch][memory_budget]") {
  arrivals a(100);
  memory_share running;
  a.budget.charge(running, 95);
  auto& first = a.begin();
  auto& large = a.begin();
  auto& small = a.begin();
  CHECK(a.request(first, 1));
  CHECK_FALSE(a.request(large, 50));
  CHECK_FALSE(a.request(small, 1));
  a.budget.release(running);
  a.settle();
  CHECK(a.resumed == 2);
  CHECK(a.budget.used() == 52);
}

TEST_CASE("memory budget: forgets what was given up while it waited", "[dispatch][memory_budget]") {
  arrivals a(10);
  auto& oldest = a.begin();
  auto& gone = a.begin();
  CHECK(a.request(oldest, 10));
  CHECK_FALSE(a.request(gone, 10));
  a.budget.release(gone);
  a.budget.release(oldest);
  a.settle();
  CHECK(a.resumed == 0);
  CHECK(a.budget.used() == 0);
}

TEST_CASE("memory budget: every body completes, whatever comes", "[dispatch][memory_budget]") {
  arrivals a(1000);
  std::mt19937 random(3);
  struct body {
    memory_share* share;
    std::size_t size;
    std::size_t got = 0;
    bool waits = false;
  };
  std::deque<body> bodies;
  std::size_t completed = 0;
  std::size_t started = 0;
  std::size_t most_used = 0;
  while (completed < 500) {
    if (started < 500 && bodies.size() < 20) {
      bodies.push_back({&a.begin(), 1 + random() % 900});
      ++started;
    }
    body& each = bodies[random() % bodies.size()];
    if (each.share->wanted != 0) continue;
    if (each.got < each.share->held) {
      each.got = each.share->held;
    } else if (each.got < each.size) {
      a.request(*each.share, std::min(each.size, each.got + 100));
    } else {
      a.budget.release(*each.share);
      bodies.erase(std::find_if(bodies.begin(), bodies.end(),
                                [&](const body& b) { return b.share == each.share; }));
      ++completed;
    }
    a.settle();
    most_used = std::max(most_used, a.budget.used());
    REQUIRE(a.budget.used() <= 1000 + 900);
  }
  CHECK(most_used > 900);
  CHECK(a.budget.used() == 0);
}
