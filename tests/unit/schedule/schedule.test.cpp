// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule.hpp"

#include "support/catch.hpp"

#include <deque>
#include <map>
#include <random>
#include <string>

using namespace std::chrono_literals;
using namespace modal;
using namespace modal::detail;

namespace {

constexpr time_point start{1000s};

// Calls of lanes with names of one letter.
struct line_up {
  ~line_up() {
    for (auto& each : calls) {
      plan.withdraw(each);
      plan.set_due(each, never);
    }
  }
  lane& of(char name, std::size_t most_running = 100) {
    auto found = lanes.find(name);
    if (found == lanes.end()) found = lanes.emplace(name, most_running).first;
    return found->second;
  }
  scheduled& add(char name, int count = 1) {
    for (int i = 0; i < count; ++i) {
      scheduled& made = calls.emplace_back();
      made.line = &of(name);
      plan.enqueue(made, start);
    }
    return calls.back();
  }
  /// Takes the next call and returns its lane's name, or a minus.
  char take() {
    auto* next = plan.take_next(start);
    if (next == nullptr) return '-';
    for (const auto& [name, each] : lanes) {
      if (&each != next->line) continue;
      running[name].push_back(next);
      return name;
    }
    return '?';
  }
  /// Ends the oldest running call of this lane.
  void end(char name, duration run_time) {
    plan.note_end(*running.at(name).front(), run_time);
    running[name].pop_front();
  }

  std::map<char, lane> lanes;
  std::map<char, std::deque<scheduled*>> running;
  std::deque<scheduled> calls;
  schedule plan;
};

}  // namespace

TEST_CASE("schedule: runs the calls of one function in their order", "[schedule]") {
  line_up l;
  const auto* first = &l.add('a');
  const auto* second = &l.add('a');
  CHECK(l.plan.queued() == 2);
  CHECK(l.plan.take_next(start) == first);
  CHECK(l.plan.take_next(start) == second);
  CHECK(l.plan.take_next(start) == nullptr);
  CHECK(l.plan.queued() == 0);
}

TEST_CASE("schedule: a backlog of one function does not delay another", "[schedule]") {
  line_up l;
  l.add('s', 1000);
  CHECK(l.take() == 's');
  l.end('s', 1s);
  l.add('q');
  CHECK(l.take() == 'q');
}

TEST_CASE("schedule: shares the time, not the number of calls", "[schedule]") {
  line_up l;
  l.add('s', 1000);
  l.add('q', 1000);
  std::map<char, duration> used;
  std::map<char, int> runs;
  for (int i = 0; i < 1000; ++i) {
    const char name = l.take();
    const duration took = name == 's' ? 10ms : 1ms;
    used[name] += took;
    ++runs[name];
    l.end(name, took);
  }
  CHECK(runs['q'] > 8 * runs['s']);
  CHECK(used['s'] - used['q'] < 20ms);
  CHECK(used['q'] - used['s'] < 20ms);
}

TEST_CASE("schedule: counts what runs now", "[schedule]") {
  line_up l;
  l.add('s', 10);
  l.take();
  l.end('s', 1s);  // so that a second is expected
  l.add('q', 3);
  CHECK(l.take() == 'q');
  CHECK(l.take() == 'q');
  CHECK(l.take() == 'q');
  CHECK(l.take() == 's');
}

TEST_CASE("schedule: idleness earns no credit", "[schedule]") {
  line_up l;
  l.add('a', 100);
  for (int i = 0; i < 50; ++i) {
    l.take();
    l.end('a', 1s);
  }
  l.add('b', 100);
  int of_b = 0;
  for (int i = 0; i < 20; ++i) {
    const char name = l.take();
    of_b += name == 'b' ? 1 : 0;
    l.end(name, 1s);
  }
  CHECK(of_b <= 11);
  CHECK(of_b >= 9);
}

TEST_CASE("schedule: runs no more of a function at a time than it allows", "[schedule]") {
  line_up l;
  l.of('a', 2);
  l.add('a', 3);
  CHECK(l.take() == 'a');
  CHECK(l.take() == 'a');
  CHECK(l.take() == '-');
  CHECK(!l.plan.has_next());
  l.end('a', 1ms);
  CHECK(l.plan.has_next());
  CHECK(l.take() == 'a');
}

TEST_CASE("schedule: takes a call out of its turn where that is asked", "[schedule]") {
  line_up l;
  l.of('a', 1);
  l.add('a');
  auto& wanted = l.add('a');
  CHECK(l.take() == 'a');
  l.plan.take(wanted);
  CHECK(l.of('a').running() == 2);
  CHECK(!wanted.is_queued());
}

// Nested runs are taken out of turn, and count once for each level: their lane is far ahead.
TEST_CASE("schedule: a call taken out of its turn does not push newcomers behind", "[schedule]") {
  line_up l;
  l.add('b', 1000);  // a backlog of calls of one second
  CHECK(l.take() == 'b');
  l.end('b', 1s);
  auto& first = l.add('n');
  l.plan.take(first);
  l.plan.note_end(first, 500s);
  l.plan.take(l.add('n'));
  l.add('c');
  int before = 0;
  for (; l.take() == 'b'; ++before) l.end('b', 1s);
  CHECK(before <= 2);
}

TEST_CASE("schedule: one that waits for a call of its own leaves its place", "[schedule]") {
  line_up l;
  l.of('a', 1);
  auto& waits = l.add('a', 1);
  l.add('a', 2);
  CHECK(l.take() == 'a');
  CHECK(l.take() == '-');
  l.plan.leave(waits);
  CHECK(l.of('a').running() == 1);
  CHECK(l.of('a').room() == 1);
  CHECK(l.take() == 'a');
  CHECK(l.of('a').running() == 2);
  l.plan.come_back(waits);  // for a while there is one more than may be
  CHECK(l.of('a').room() == 0);
  CHECK(l.take() == '-');
  l.end('a', 1ms);
  CHECK(l.take() == '-');
  l.end('a', 1ms);
  CHECK(l.take() == 'a');
}

TEST_CASE("schedule: does not begin what is due", "[schedule]") {
  line_up l;
  auto& late = l.add('a');
  auto& good = l.add('a');
  l.plan.set_due(late, start + 1s);
  l.plan.set_due(good, start + 2s);
  CHECK(l.plan.take_next(start + 1s) == &good);
  CHECK(l.of('a').running() == 1);
  CHECK_FALSE(late.is_queued());
  CHECK(l.of('a').expected_run() == 0s);
  CHECK(l.plan.take_due(start + 1s) == &late);
}

TEST_CASE("schedule: forgets what is withdrawn", "[schedule]") {
  line_up l;
  auto& first = l.add('a');
  const auto* second = &l.add('a');
  l.plan.withdraw(first);
  l.plan.withdraw(first);
  CHECK(l.plan.queued() == 1);
  CHECK(l.plan.take_next(start) == second);
}

TEST_CASE("schedule: knows the work that waits, by the runs that were", "[schedule]") {
  line_up l;
  l.add('a');
  CHECK(l.of('a').expected_work() == 0s);
  l.take();
  l.end('a', 8ms);
  CHECK(l.of('a').expected_run() == 8ms);
  auto& one = l.add('a');
  l.add('a');
  l.add('b');
  CHECK(l.of('a').expected_work() == 16ms);
  CHECK(l.of('b').expected_work() == 0s);
  l.take();
  l.plan.withdraw(one);
  l.take();
  CHECK(l.of('a').expected_work() == 0s);
  l.end('a', 16ms);
  CHECK(l.of('a').expected_run() == 9ms);
}

TEST_CASE("schedule: tells what is due in the order of times", "[schedule]") {
  line_up l;
  auto& late = l.add('a');
  auto& early = l.add('a');
  auto& moved = l.add('a');
  l.plan.set_due(late, start + 3s);
  l.plan.set_due(early, start + 1s);
  l.plan.set_due(moved, start + 2s);
  l.plan.set_due(moved, never);
  CHECK(l.plan.next_due() == start + 1s);
  CHECK(l.plan.take_due(start) == nullptr);
  CHECK(l.plan.take_due(start + 3s) == &early);
  CHECK(l.plan.take_due(start + 3s) == &late);
  CHECK(l.plan.take_due(start + 3s) == nullptr);
  CHECK(l.plan.next_due() == never);
}

TEST_CASE("schedule: keeps its counts whatever happens", "[schedule]") {
  line_up l;
  std::mt19937 random(7);
  const std::string names = "abc";
  std::size_t queued = 0;
  std::map<char, std::size_t> running;
  for (const char name : names) l.of(name, 2);
  for (int i = 0; i < 20'000; ++i) {
    const char name = names[random() % names.size()];
    switch (random() % 4) {
      case 0:
        l.add(name);
        ++queued;
        break;
      case 1: {
        scheduled& any = l.calls.empty() ? l.add(name) : l.calls[random() % l.calls.size()];
        if (l.calls.size() == 1 && queued == 0 && any.is_queued()) ++queued;
        if (any.is_queued()) --queued;
        l.plan.withdraw(any);
        break;
      }
      case 2:
        if (const char taken = l.take(); taken != '-') {
          --queued;
          ++running[taken];
        }
        break;
      default:
        if (running[name] > 0) {
          l.end(name, std::chrono::microseconds(random() % 1000));
          --running[name];
        }
    }
    REQUIRE(l.plan.queued() == queued);
    for (const char each : names) {
      REQUIRE(l.of(each).running() == running[each]);
      REQUIRE(running[each] <= 2);
    }
  }
}

TEST_CASE("schedule: a lane whose next call's gate is closed waits, and the others go on",
          "[schedule]") {
  line_up l;
  bool is_closed = true;
  bool is_full = false;
  l.add('a', 3);
  l.add('b');
  l.calls[0].gate = &is_closed;
  l.calls[1].gate = &is_full;
  l.calls[2].gate = &is_closed;
  l.plan.look_again(l.of('a'));
  CHECK(l.take() == 'b');
  CHECK_FALSE(l.plan.has_next());
  CHECK(l.plan.queued() == 3);
  SECTION("until it opens") {
    is_closed = false;
    l.plan.look_again(l.of('a'));
    CHECK(l.take() == 'a');
  }
  SECTION("or the call goes, and the next one has another") {
    l.plan.withdraw(l.calls[0]);
    CHECK(l.take() == 'a');
    CHECK_FALSE(l.plan.has_next());
  }
}
