// SPDX-License-Identifier: Apache-2.0
#include "worker/device_slot.hpp"

#include "device/host/host_device.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace modal;
using namespace modal::detail;

namespace {

// Is passed, or broken, when a test says so.
class scripted_event final : public gpu::event {
 public:
  result<bool> is_passed() const override {
    ++looks;
    if (is_broken) return error(errc::device_fault, "broken");
    return passed.load();
  }
  result<void> wait() const override { return {}; }
  result<std::chrono::nanoseconds> since(const gpu::event&) const override {
    return std::chrono::nanoseconds{0};
  }
  std::atomic<bool> passed{false};
  std::atomic<bool> is_broken{false};
  mutable std::atomic<int> looks{0};
};

}  // namespace

TEST_CASE("device slot: streams serve one call after the other", "[worker][device_slot]") {
  device_slot slot(std::make_shared<host_device>());
  gpu::stream* first = nullptr;
  {
    const auto a = slot.take_stream().value();
    const auto b = slot.take_stream().value();
    CHECK(a.get() != b.get());
    first = a.get();
  }
  const auto c = slot.take_stream().value();
  const auto d = slot.take_stream().value();
  CHECK((c.get() == first || d.get() == first));
}

TEST_CASE("device slot: tells of each mark when it is passed, in any order",
          "[worker][device_slot]") {
  device_slot slot(std::make_shared<host_device>());
  std::vector<std::shared_ptr<scripted_event>> marks;
  std::vector<std::promise<void>> told(4);
  for (auto& each : told) {
    marks.push_back(std::make_shared<scripted_event>());
    slot.when_passed(marks.back(), [&each] { each.set_value(); });
  }
  for (const std::size_t next : {2U, 0U, 3U}) {
    marks[next]->passed = true;
    told[next].get_future().wait();
  }
  // It is looked at less and less often, and told all the same.
  while (marks[1]->looks < 200) std::this_thread::yield();
  marks[1]->is_broken = true;
  told[1].get_future().wait();
  CHECK(marks[2]->looks >= 1);
  CHECK(slot.wait_quiet(std::chrono::steady_clock::now() + std::chrono::seconds(60)));
}

TEST_CASE("device slot: runs on its thread what others have no time for", "[worker][device_slot]") {
  device_slot slot(std::make_shared<host_device>());
  const auto mark = std::make_shared<scripted_event>();
  std::promise<void> told;
  slot.when_passed(mark, [&told] { told.set_value(); });
  std::promise<std::thread::id> ran;
  slot.post([&] {
    mark->passed = true;
    ran.set_value(std::this_thread::get_id());
  });
  CHECK(ran.get_future().get() != std::this_thread::get_id());
  told.get_future().wait();
  CHECK(slot.wait_quiet(never));
}

TEST_CASE("device slot: tells what is watched when it has gone, and streams may outlive it",
          "[worker][device_slot]") {
  const auto mark = std::make_shared<scripted_event>();
  std::promise<void> told;
  std::shared_ptr<gpu::stream> stream;
  {
    device_slot slot(std::make_shared<host_device>());
    stream = slot.take_stream().value();
    CHECK(slot.wait_quiet(never));
    slot.when_passed(mark, [&told] { told.set_value(); });
    CHECK_FALSE(slot.wait_quiet(std::chrono::steady_clock::now()));
  }
  mark->passed = true;
  told.get_future().wait();
  CHECK(stream->record().value()->is_passed().value());
}

namespace {

// Counts how often it is looked at, and by whom.
class looked_at_device final : public device {
 public:
  [[nodiscard]] const device_info& info() const noexcept override { return real_.info(); }
  [[nodiscard]] device_memory memory() const noexcept override { return real_.memory(); }
  [[nodiscard]] device_health health() const override {
    ++looks;
    by = std::this_thread::get_id();
    return {.busy_percent = 50U};
  }
  void give_up(const char* why) noexcept override { real_.give_up(why); }
  [[nodiscard]] bool is_given_up() const noexcept override { return real_.is_given_up(); }
  result<std::shared_ptr<gpu::stream>> make_stream() override { return real_.make_stream(); }
  [[nodiscard]] pinned_pool& pinned() noexcept override { return real_.pinned(); }

  mutable std::atomic<int> looks{0};
  mutable std::thread::id by;

 private:
  host_device real_;
};

}  // namespace

TEST_CASE("device slot: looks at its device on a thread of its own, once in a while",
          "[worker][device_slot]") {
  const auto which = std::make_shared<looked_at_device>();
  device_slot slot(which);
  while (slot.health().busy_percent != 50U) std::this_thread::yield();
  CHECK(which->looks >= 1);
  CHECK(which->by != std::this_thread::get_id());
  which->give_up("a test");
  const int before = which->looks;
  CHECK_FALSE(slot.health().busy_percent);
  CHECK(which->looks == before);
}

TEST_CASE("device slot: a mark that is long overdue is the end of its device",
          "[worker][device_slot]") {
  const auto which = std::make_shared<host_device>();
  device_slot slot(which, std::chrono::milliseconds{5});
  const auto mark = std::make_shared<scripted_event>();
  slot.when_passed(
      mark, [] {}, std::chrono::steady_clock::now());
  while (!which->is_given_up()) std::this_thread::yield();
  mark->passed = true;
  CHECK(slot.wait_quiet(never));
}
