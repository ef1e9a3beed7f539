// SPDX-License-Identifier: Apache-2.0
#include "worker/lookout.hpp"

#include "dispatch/dispatcher.hpp"
#include "unit/dispatch/fake_calls.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

using namespace test;

namespace {

// Brings in what a test says, and counts.
class fake_lookout final : public lookout {
 public:
  void look() noexcept override {
    std::unique_lock lock(mutex_);
    ++looking_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return wakes_ > 0 || !found_.empty(); });
    --looking_;
    if (wakes_ > 0) {
      --wakes_;
      return;
    }
    const auto act = std::move(found_.front());
    found_.pop_front();
    lock.unlock();
    act();
  }
  void wake() noexcept override {
    const std::scoped_lock lock(mutex_);
    ++wakes_;
    ++woken_;
    changed_.notify_all();
  }
  void hand_over() noexcept override {
    const std::scoped_lock lock(mutex_);
    ++handed_over_;
  }

  // One of those who look does it.
  void find(std::function<void()> act) {
    const std::scoped_lock lock(mutex_);
    found_.push_back(std::move(act));
    changed_.notify_all();
  }
  void wait_looking(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return looking_ == count; });
  }
  int woken() {
    const std::scoped_lock lock(mutex_);
    return woken_;
  }
  int handed_over() {
    const std::scoped_lock lock(mutex_);
    return handed_over_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> found_;
  int looking_ = 0;
  int wakes_ = 0;
  int woken_ = 0;
  int handed_over_ = 0;
};

struct looking_bench {
  explicit looking_bench(std::size_t threads) : b({.threads = threads, .between_calls = outside}) {
    b.calls.start();
    outside->wait_looking(static_cast<int>(threads));
  }

  // As a connection does: submits, and goes back to what it was doing.
  std::shared_ptr<counting_sink> bring(const std::string& function) {
    auto sink = std::make_shared<counting_sink>();
    auto admitted = b.admit(function, 1);
    REQUIRE(admitted.has_value());
    b.calls.submit(*std::move(admitted), b.body_of("x"), sink, submitter::goes_back);
    return sink;
  }

  std::shared_ptr<fake_lookout> outside = std::make_shared<fake_lookout>();
  bench b;
};

}  // namespace

TEST_CASE("lookout: a worker that brings a call in runs it, and nobody is woken",
          "[executor][dispatcher]") {
  looking_bench l(2);
  std::promise<std::shared_ptr<counting_sink>> brought;
  l.outside->find([&] { brought.set_value(l.bring("test::echo")); });
  CHECK_FALSE(brought.get_future().get()->get().failure);
  l.outside->wait_looking(2);
  CHECK(l.outside->woken() == 0);
  CHECK(l.outside->handed_over() == 1);
}

TEST_CASE("lookout: of several calls that come at once, others take theirs",
          "[executor][dispatcher]") {
  looking_bench l(3);
  std::promise<std::vector<std::shared_ptr<counting_sink>>> brought;
  l.outside->find([&] {
    std::vector<std::shared_ptr<counting_sink>> sinks;
    for (int i = 0; i < 3; ++i) sinks.push_back(l.bring("test::wait"));
    brought.set_value(sinks);
  });
  REQUIRE(the_gate().wait_entered(3));  // at the same time
  CHECK(l.outside->woken() == 2);
  the_gate().open();
  for (const auto& each : brought.get_future().get()) CHECK_FALSE(each->get().failure);
}

TEST_CASE("lookout: a call from elsewhere wakes one worker", "[executor][dispatcher]") {
  looking_bench l(2);
  for (int i = 1; i <= 20; ++i) {
    CHECK_FALSE(l.b.call("test::echo").get().failure);
    l.outside->wait_looking(2);
    CHECK(l.outside->woken() == i);
  }
  // Also one that another worker makes, and waits for.
  std::promise<void> over;
  l.outside->find([&] {
    CHECK_FALSE(l.b.call("test::echo").get().failure);
    over.set_value();
  });
  over.get_future().wait();
}

TEST_CASE("lookout: those who look are woken for the end", "[executor][dispatcher]") {
  const auto outside = std::make_shared<fake_lookout>();
  bench b({.threads = 3, .between_calls = outside});
  b.calls.start();
  SECTION("while they look") { outside->wait_looking(3); }
  SECTION("or begin to") {}
  CHECK(b.calls.stop(0s, 30s) == 0);
}
