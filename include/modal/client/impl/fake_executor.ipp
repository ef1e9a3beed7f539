// SPDX-License-Identifier: Apache-2.0
#include <modal/base/mutex.hpp>
#include <modal/client/fake_executor.hpp>
#include <modal/function/exception.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <thread>
#include <vector>

namespace modal::testing {

class fake_executor::door final : public detail::in_process_door {
 public:
  door() : thread_([this] { run(); }) {}

  ~door() override {
    {
      const detail::mutex_lock lock(mutex_);
      ending_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

  void add(std::string_view name, const script& how, responder respond) {
    const detail::mutex_lock lock(mutex_);
    functions_[std::string(name)].scripts.push_back({how, std::move(respond)});
  }

  [[nodiscard]] std::size_t attempts(std::string_view name) const {
    const detail::mutex_lock lock(mutex_);
    const auto found = functions_.find(name);
    return found == functions_.end() ? 0 : found->second.attempts;
  }

  std::shared_ptr<started_call> start(
      call_head head, buffer body, std::function<void(detail::in_process_answer)> done) override {
    auto made = std::make_shared<waiting_call>();
    made->body = std::move(body);
    made->done = std::move(done);
    const detail::mutex_lock lock(mutex_);
    function& called = functions_[std::string(head.function)];
    ++called.attempts;
    made->due = steady::now();
    if (called.scripts.empty()) {
      made->respond = [name = std::string(head.function)](const payload_view&, payload&) {
        throw call_error(error(errc::unknown_function, "the test has no script for " + name));
      };
    } else {
      entry& next = called.scripts.front();
      made->respond = next.respond;
      made->due += next.how.delay;
      if (next.how.times != 0 && --next.how.times == 0) called.scripts.pop_front();
    }
    waiting_.push_back(made);
    changed_.notify_all();
    return made;
  }

 private:
  using steady = std::chrono::steady_clock;

  struct waiting_call final : started_call {
    // Whoever takes a call answers it. A caller that cancels may come after the fake has gone.
    bool take() noexcept { return !taken.exchange(true); }
    void cancel() noexcept override {
      if (take()) done({error(errc::cancelled, "cancelled by the caller"), {}});
    }
    bool run_here() override { return false; }

    std::atomic<bool> taken{false};
    buffer body;
    std::function<void(detail::in_process_answer)> done;
    responder respond;
    steady::time_point due;
  };
  struct entry {
    script how;
    responder respond;
  };
  struct function {
    std::deque<entry> scripts;
    std::size_t attempts = 0;
  };
  using waiting = std::shared_ptr<waiting_call>;

  void run() {
    detail::mutex_lock lock(mutex_);
    while (!ending_) {
      std::erase_if(waiting_, [](const waiting& each) { return each->taken.load(); });
      const auto first =
          std::min_element(waiting_.begin(), waiting_.end(),
                           [](const waiting& a, const waiting& b) { return a->due < b->due; });
      if (first == waiting_.end()) {
        changed_.wait(lock);
      } else if (const auto due = (*first)->due; steady::now() < due) {
        changed_.wait_until(lock, due);
      } else {
        const waiting next = std::move(*first);
        waiting_.erase(first);
        lock.unlock();
        if (next->take()) next->done({answer(*next), {.attempts = 1}});
        lock.lock();
      }
    }
    const auto left = std::exchange(waiting_, {});
    lock.unlock();
    for (const auto& each : left)
      if (each->take()) each->done({error(errc::connection_lost, "the fake executor is gone"), {}});
  }

  result<buffer> answer(waiting_call& which) {
    try {
      payload made;
      which.respond(payload_view::parse(which.body.view(), decode_limits{}).value(), made);
      return flatten(made, pool_);
    } catch (const call_error& thrown) {
      return thrown.reason();
    } catch (...) {
      return detail::failure_of_exception(invocation::stage::run);
    }
  }

  mutable detail::mutex mutex_;
  detail::condition_variable changed_;
  std::map<std::string, function, std::less<>> functions_ MODAL_GUARDED_BY(mutex_);
  std::vector<waiting> waiting_ MODAL_GUARDED_BY(mutex_);
  bool ending_ MODAL_GUARDED_BY(mutex_) = false;
  buffer_pool pool_;
  std::thread thread_;
};

fake_executor::fake_executor() : door_(std::make_unique<door>()) {}
fake_executor::~fake_executor() = default;

client fake_executor::client(const client_config& config) {
  return modal::client::of(*door_, config);
}

fake_executor& fake_executor::fail_as(std::string_view name, error reason, const script& how) {
  add(name, how,
      [reason = std::move(reason)](const payload_view&, payload&) { throw call_error(reason); });
  return *this;
}

void fake_executor::add(std::string_view name, const script& how, responder respond) {
  door_->add(name, how, std::move(respond));
}

std::size_t fake_executor::attempts_as(std::string_view name) const {
  return door_->attempts(name);
}

}  // namespace modal::testing
