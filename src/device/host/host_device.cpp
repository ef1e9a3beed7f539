// SPDX-License-Identifier: Apache-2.0
#include "device/host/host_device.hpp"

#include <modal/base/bytes.hpp>
#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>

#include "device/memory_meter.hpp"

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <new>
#include <thread>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::nanoseconds;

/// Blocks of at least so many bytes are kept for the next one who asks, as a GPU's pool keeps its
/// memory: fresh pages cost more than the copy that fills them.
constexpr std::size_t kept_block = 2 << 20;
/// A copy of up to so many bytes takes less time than to wake a thread.
constexpr std::size_t small_copy = 64 << 10;

/// Set with the device's mutex held.
struct mark_state {
  bool is_passed = false;
  time_point at;
};

/// What a stream has to do, one after the other.
struct operation {
  enum class kind : std::uint8_t { to_device, to_host, on_device, free, mark } what = kind::mark;
  void* to = nullptr;  // or what is to be freed
  const void* from = nullptr;
  std::size_t bytes = 0;
  std::shared_ptr<mark_state> mark{};
};

error no_memory() { return {errc::device_out_of_memory, "there is no memory for the host device"}; }

gpu::copy_kind way_of(const operation& copy) noexcept {
  if (copy.what == operation::kind::to_device) return gpu::copy_kind::to_device;
  return copy.what == operation::kind::to_host ? gpu::copy_kind::to_host
                                               : gpu::copy_kind::on_device;
}

struct stream_queue {
  std::deque<operation> left;  // the first one is under way, if it is a copy
  // While an engine has it.
  boost::intrusive::list_member_hook<> hook;
  std::shared_ptr<stream_queue> self;
};
using queue_list = boost::intrusive::list<
    stream_queue, boost::intrusive::member_hook<stream_queue, boost::intrusive::list_member_hook<>,
                                                &stream_queue::hook>>;

}  // namespace

class host_device::state {
 public:
  explicit state(const host_device_config& config) : config_(config) {}

  void start() {
    for (std::size_t i = 0; i < threads_.size(); ++i)
      threads_[i] = std::thread([this, i] { copy_all(i); });
  }
  void stop() noexcept {
    {
      const mutex_lock lock(mutex_);
      ends_ = true;
    }
    for (condition_variable& each : called_) each.notify_one();
    for (std::thread& each : threads_)
      if (each.joinable()) each.join();
  }

  [[nodiscard]] device_memory memory() const noexcept {
    const mutex_lock lock(mutex_);
    return {used_, most_used_, config_.memory_bytes};
  }

  void give_up(const char* why) noexcept {
    const char* none = nullptr;
    given_up_.compare_exchange_strong(none, why);
    const mutex_lock lock(mutex_);
    passed_.notify_all();
  }
  [[nodiscard]] bool is_given_up() const noexcept { return given_up_.load() != nullptr; }
  /// Returns an error once it was given up.
  result<void> check() const noexcept {
    const char* const why = given_up_.load();
    if (why == nullptr) return {};
    try {
      return error(errc::device_fault, std::string("the host device was given up, for ") + why);
    } catch (const std::bad_alloc&) {
      return error(make_error_code(errc::device_fault), {});
    }
  }

  result<void*> allocate(std::size_t asked) {
    const std::size_t bytes = device_bytes(asked);
    if (auto works = check(); !works) return std::move(works).error();
    if (bytes == 0) return nullptr;
    {
      const mutex_lock lock(mutex_);
      if (bytes > config_.memory_bytes - used_)
        return error(errc::device_out_of_memory,
                     "the host device has " + std::to_string(config_.memory_bytes - used_) +
                         " bytes left, and " + std::to_string(asked) + " are asked for");
      used_ += bytes;
      most_used_ = std::max(most_used_, used_);
    }
    if (void* made = take(bytes)) return made;
    const mutex_lock lock(mutex_);
    used_ -= bytes;
    return no_memory();
  }

  void post(const std::shared_ptr<stream_queue>& to, operation what) {
    mutex_lock lock(mutex_);
    const bool is_first = to->left.empty();
    if (is_first && !is_copy(what)) return finish_locked(what);
    if (is_first && (ends_ || is_small(what))) {
      lock.unlock();  // nobody else puts anything into this stream meanwhile
      return carry_out(what);
    }
    to->left.push_back(std::move(what));
    if (is_first) begin_copy_locked(to);
  }

  void drain(const stream_queue& which) noexcept {
    mutex_lock lock(mutex_);
    while (!which.left.empty() && !is_given_up()) passed_.wait(lock);
  }
  /// As `post`, where there is no memory for it.
  void wait_and_free(const stream_queue& after, void* memory, std::size_t bytes) noexcept {
    drain(after);
    if (is_given_up()) return;  // nobody knows when it is done with that
    const mutex_lock lock(mutex_);
    finish_locked({.what = operation::kind::free, .to = memory, .bytes = bytes});
  }

  result<bool> is_passed(const mark_state& which) const {
    if (auto works = check(); !works) return std::move(works).error();
    const mutex_lock lock(mutex_);
    return which.is_passed;
  }
  result<void> wait(const mark_state& which) const {
    {
      mutex_lock lock(mutex_);
      while (!which.is_passed && !is_given_up()) passed_.wait(lock);
    }
    return check();
  }

 private:
  void* take(std::size_t bytes) {
    if (bytes < kept_block) return std::aligned_alloc(device_alignment, bytes);
    try {
      buffer made = pool_.take(bytes);  // in pages of its own
      void* const at = made.data();
      const mutex_lock lock(mutex_);
      blocks_.emplace(at, std::move(made));
      return at;
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }
  void give_back_locked(void* memory, std::size_t asked) noexcept MODAL_REQUIRES(mutex_) {
    const std::size_t bytes = device_bytes(asked);
    used_ -= bytes;
    if (bytes < kept_block)
      std::free(memory);
    else
      blocks_.erase(memory);
  }

  static bool is_copy(const operation& what) noexcept {
    return what.what != operation::kind::free && what.what != operation::kind::mark;
  }
  [[nodiscard]] bool is_small(const operation& copy) const noexcept {
    return copy.bytes <= small_copy && config_.copy_bytes_per_second == 0 && !config_.on_copy;
  }

  // Does what takes no time.
  void finish_locked(const operation& what) noexcept MODAL_REQUIRES(mutex_) {
    if (what.what == operation::kind::free) {
      give_back_locked(what.to, what.bytes);
    } else {
      what.mark->is_passed = true;
      what.mark->at = real_clock().now();
      passed_.notify_all();
    }
  }

  void begin_copy_locked(const std::shared_ptr<stream_queue>& which) MODAL_REQUIRES(mutex_) {
    const std::size_t engine = which->left.front().what == operation::kind::to_host ? 1 : 0;
    which->self = which;
    waiting_[engine].push_back(*which);
    ++under_way_;
    called_[engine].notify_one();
  }

  // A copy is done: goes on up to the next one.
  void go_on_locked(const std::shared_ptr<stream_queue>& which) MODAL_REQUIRES(mutex_) {
    which->left.pop_front();
    --under_way_;
    for (; !which->left.empty(); which->left.pop_front()) {
      if (is_copy(which->left.front())) return begin_copy_locked(which);
      finish_locked(which->left.front());
    }
    passed_.notify_all();
  }

  void copy_all(std::size_t number) {
    mutex_lock lock(mutex_);
    for (;;) {
      while (waiting_[number].empty()) {
        if (ends_ && under_way_ == 0) return;
        called_[number].wait(lock);
      }
      const auto which = std::move(waiting_[number].front().self);
      waiting_[number].pop_front();
      const operation copy = which->left.front();
      lock.unlock();
      carry_out(copy);
      lock.lock();
      go_on_locked(which);
      if (ends_ && under_way_ == 0)
        for (condition_variable& each : called_) each.notify_one();
    }
  }

  void carry_out(const operation& copy) const {
    if (config_.on_copy) config_.on_copy(way_of(copy));
    const auto begun = std::chrono::steady_clock::now();
    std::memmove(copy.to, copy.from, copy.bytes);
    if (config_.copy_bytes_per_second == 0 || copy.what == operation::kind::on_device) return;
    const auto takes = nanoseconds(
        static_cast<nanoseconds::rep>(static_cast<double>(copy.bytes) * 1e9 /
                                      static_cast<double>(config_.copy_bytes_per_second)));
    std::this_thread::sleep_until(begun + takes);
  }

  const host_device_config config_;
  std::atomic<const char*> given_up_{nullptr};
  buffer_pool pool_;
  mutable detail::mutex mutex_;
  std::map<void*, buffer> blocks_ MODAL_GUARDED_BY(mutex_);  ///< large ones
  mutable condition_variable passed_;
  // Of the copies to the device, and of those from it.
  std::array<queue_list, 2> waiting_ MODAL_GUARDED_BY(mutex_);
  std::array<condition_variable, 2> called_;
  std::array<std::thread, 2> threads_;
  std::size_t under_way_ MODAL_GUARDED_BY(mutex_) = 0;  ///< copies that an engine has
  std::size_t used_ MODAL_GUARDED_BY(mutex_) = 0;
  std::size_t most_used_ MODAL_GUARDED_BY(mutex_) = 0;
  bool ends_ MODAL_GUARDED_BY(mutex_) = false;
};

namespace {

class host_event final : public gpu::event {
 public:
  host_event(std::shared_ptr<host_device::state> of, std::shared_ptr<mark_state> mark)
      : device_(std::move(of)), mark_(std::move(mark)) {}

  result<bool> is_passed() const override { return device_->is_passed(*mark_); }
  result<void> wait() const override { return device_->wait(*mark_); }
  result<nanoseconds> since(const gpu::event& earlier) const override {
    return mark_->at - dynamic_cast<const host_event&>(earlier).mark_->at;
  }

 private:
  const std::shared_ptr<host_device::state> device_;
  const std::shared_ptr<mark_state> mark_;
};

class host_stream final : public gpu::stream {
 public:
  host_stream(std::shared_ptr<host_device::state> of, std::shared_ptr<pinned_pool> pinned)
      : device_(std::move(of)), pinned_(std::move(pinned)) {}

  result<void*> allocate(std::size_t bytes) override {
    auto made = device_->allocate(bytes);
    if (made) meter_.take(device_bytes(bytes));
    return made;
  }
  std::size_t begin_peak() noexcept override { return meter_.begin(); }
  void deallocate(void* memory, std::size_t bytes) noexcept override {
    if (memory == nullptr) return;
    meter_.give_back(device_bytes(bytes));
    try {
      device_->post(queue_, {.what = operation::kind::free, .to = memory, .bytes = bytes});
    } catch (const std::bad_alloc&) {
      device_->wait_and_free(*queue_, memory, bytes);
    }
  }
  result<void> copy(void* to, const void* from, std::size_t bytes, gpu::copy_kind way) override {
    if (auto works = device_->check(); !works) return works;
    if (bytes == 0) return {};
    const auto what = way == gpu::copy_kind::to_device ? operation::kind::to_device
                      : way == gpu::copy_kind::to_host ? operation::kind::to_host
                                                       : operation::kind::on_device;
    try {
      device_->post(queue_, {.what = what, .to = to, .from = from, .bytes = bytes});
    } catch (const std::bad_alloc&) {
      return no_memory();
    }
    return {};
  }
  result<std::shared_ptr<gpu::event>> record() override {
    if (auto works = device_->check(); !works) return std::move(works).error();
    try {
      auto mark = std::make_shared<mark_state>();
      auto made = std::make_shared<host_event>(device_, mark);
      device_->post(queue_, {.what = operation::kind::mark, .mark = std::move(mark)});
      return made;
    } catch (const std::bad_alloc&) {
      return no_memory();
    }
  }
  // Nothing is gained by it but pages that are there already, which a small result does not need.
  [[nodiscard]] std::shared_ptr<std::byte[]> take_pinned(std::size_t bytes) noexcept override {
    return bytes > small_copy ? pinned_->take_soon(bytes) : nullptr;
  }
  void drain() noexcept override { device_->drain(*queue_); }
  [[nodiscard]] void* native_handle() const noexcept override { return nullptr; }
  [[nodiscard]] bool is_host() const noexcept override { return true; }

 private:
  const std::shared_ptr<host_device::state> device_;
  const std::shared_ptr<pinned_pool> pinned_;
  memory_meter meter_;
  const std::shared_ptr<stream_queue> queue_ = std::make_shared<stream_queue>();
};

class host_block final : public pinned_block {
 public:
  explicit host_block(std::size_t bytes) : bytes_(pool().take(bytes)) {}
  [[nodiscard]] std::byte* data() noexcept override { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const noexcept override { return bytes_.size(); }

 private:
  // Keeps nothing: that is for whoever asks for blocks.
  static buffer_pool& pool() {
    static buffer_pool none(0);
    return none;
  }
  buffer bytes_;
};

// What the CPU copies needs no lock.
result<std::unique_ptr<pinned_block>> lock_nothing(std::size_t bytes) {
  return std::make_unique<host_block>(bytes);
}

}  // namespace

host_device::host_device(const host_device_config& config)
    : info_{.index = config.index, .model = "host device", .memory_bytes = config.memory_bytes},
      pinned_(std::make_shared<pinned_pool>(config.pinned_bytes, lock_nothing)),
      state_(std::make_shared<state>(config)) {
  state_->start();
}

host_device::~host_device() { state_->stop(); }

device_memory host_device::memory() const noexcept { return state_->memory(); }

void host_device::give_up(const char* why) noexcept { state_->give_up(why); }

bool host_device::is_given_up() const noexcept { return state_->is_given_up(); }

result<std::shared_ptr<gpu::stream>> host_device::make_stream() {
  if (auto works = state_->check(); !works) return std::move(works).error();
  return std::make_shared<host_stream>(state_, pinned_);
}

}  // namespace modal::detail
