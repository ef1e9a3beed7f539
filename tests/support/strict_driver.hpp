// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/cuda/driver.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// Plays the CUDA driver on CPU memory, and writes down every use of it that is not allowed: of
/// what was never made or is gone, of another context's, of none, behind a fault, and what is left
/// at the end. Streams do nothing until somebody looks at a mark or waits, and then one thing at a
/// time, so that who does not wait finds nothing done. One at a time; any thread.
class strict_driver {
 public:
  strict_driver() { instance() = this; }
  ~strict_driver() {
    instance() = nullptr;
    // With a lost context its memory goes too.
    for (const auto& [at, size] : allocations_) std::free(pointer(at));
    for (const auto& [at, size] : locked_) std::free(const_cast<std::byte*>(at));
  }
  strict_driver(const strict_driver&) = delete;
  strict_driver& operator=(const strict_driver&) = delete;

  /// Returns the table of functions, which lead here.
  static modal::detail::cuda::driver table();

  // What the machine is like.
  modal::detail::cuda::status init_status = 0;
  int version = 13'000;
  int devices = 1;
  int mode = 0;
  std::size_t memory = std::size_t{1} << 30;

  /// The call of this number, from 1, fails with `failure`; 0: none does. Calls that tell of
  /// errors, or of devices, do not count.
  void fail(int number, modal::detail::cuda::status with) {
    const std::scoped_lock lock(mutex_);
    left_ = number;
    failure_ = with;
    has_failed_ = false;
  }
  bool has_failed() const {
    const std::scoped_lock lock(mutex_);
    return has_failed_;
  }

  /// Returns what was done that is not allowed, and what was left over.
  std::vector<std::string> complaints() const {
    const std::scoped_lock lock(mutex_);
    auto all = complaints_;
    if (is_lost_ || was_hung_) return all;  // with its context all that was in it is gone
    const auto left = [&](std::size_t count, const char* what) {
      if (count != 0) all.push_back(std::to_string(count) + " " + what + " left over");
    };
    left(allocations_.size(), "allocations");
    left(streams_.size(), "streams");
    left(events_.size(), "events");
    left(locked_.size(), "locked blocks");
    left(retained_, "contexts");
    return all;
  }
  std::size_t calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }
  /// Returns whether this thread is in the context of a stream.
  static bool is_in_context_of(void* which) {
    const std::scoped_lock lock(instance()->mutex_);
    const auto found = instance()->streams_.find(which);
    return found != instance()->streams_.end() && found->second->context == current;
  }
  /// From now on nothing that is in a stream begins, until `go_on`; nobody may wait for it.
  void hang() {
    const std::scoped_lock lock(mutex_);
    is_hung_ = was_hung_ = true;
  }
  /// Does all that was left.
  void go_on() {
    const std::scoped_lock lock(mutex_);
    is_hung_ = false;
    for (const auto& [which, each] : streams_)
      while (advance(*each)) {
      }
  }
  /// Copies of memory that is not locked, which hold up whoever asks for them, are fine too.
  void allow_pageable() {
    const std::scoped_lock lock(mutex_);
    allows_pageable_ = true;
  }

 private:
  using status = modal::detail::cuda::status;
  using address = modal::detail::cuda::address;

  struct stream {
    int context;
    std::deque<std::function<void()>> left;
  };
  struct event {
    int context;
    bool is_recorded = false;
    bool is_passed = false;
    stream* on = nullptr;
  };

  static strict_driver*& instance() {
    static strict_driver* one = nullptr;
    return one;
  }
  static thread_local int current;       // the device whose context this thread is in, plus 1
  static thread_local unsigned told_of;  // the last fault that this thread knows of
  static unsigned next_fault() {
    static std::atomic<unsigned> last{0};
    return ++last;
  }

  void complain(std::string what) { complaints_.push_back(std::move(what)); }

  // Every function begins here. Returns what it is to return, or 0.
  enum class failing : bool { no, yes };
  status begin(const char* name, failing may = failing::yes, bool needs_context = true) {
    ++calls_;
    if (is_lost_) {
      // Who was told of nothing, and had looked before it happened, makes one more call.
      if (std::exchange(told_of, fault_) == fault_) complain(std::string(name) + " behind a fault");
      return failure_;
    }
    if (needs_context && current == 0) complain(std::string(name) + " without a context");
    if (may == failing::no || left_ == 0 || --left_ != 0) return 0;
    has_failed_ = true;
    is_lost_ = modal::detail::cuda::is_sticky(failure_);
    if (is_lost_) told_of = fault_ = next_fault();
    return failure_;
  }

  stream* find(void* which, const char* name) {
    const auto found = streams_.find(which);
    if (found == streams_.end()) {
      complain(std::string(name) + " on a stream that is not there");
      return nullptr;
    }
    if (found->second->context != current)
      complain(std::string(name) + " on a stream of another context");
    return found->second.get();
  }
  event* find_recorded(void* which, const char* name) {
    const auto found = events_.find(which);
    if (found != events_.end() && found->second->is_recorded) return found->second.get();
    complain(std::string(name) + " of what was not recorded");
    return nullptr;
  }
  void finish(stream& which, const char* name) {
    if (is_hung_) complain(std::string(name) + " waits for ever");
    while (advance(which)) {
    }
  }
  // Whether a range lies in one live allocation.
  void check_device(address at, std::size_t bytes, const char* name) {
    const auto after = allocations_.upper_bound(at);
    if (after != allocations_.begin()) {
      const auto& [begin, size] = *std::prev(after);
      if (at >= begin && at + bytes <= begin + size) return;
    }
    complain(std::string(name) + " of device memory that is not there");
  }
  bool is_locked(const void* at, std::size_t bytes) const {
    const auto* const first = static_cast<const std::byte*>(at);
    const auto after = locked_.upper_bound(first);
    if (after == locked_.begin()) return false;
    const auto& [begin, size] = *std::prev(after);
    return first >= begin && first + bytes <= begin + size;
  }
  static bool advance(stream& which) {
    if (which.left.empty() || instance()->is_hung_) return false;
    auto next = std::move(which.left.front());
    which.left.pop_front();
    next();
    return true;
  }
  static std::byte* pointer(address at) {
    return reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(at));
  }

  status copy(const char* name, void* host, address there, std::size_t bytes, void* on,
              bool is_upload) {
    if (const status failed = begin(name)) return failed;
    stream* const queue = find(on, name);
    if (queue == nullptr) return 400;
    check_device(there, bytes, name);
    const bool was_locked = is_locked(host, bytes);
    if (!was_locked) {
      if (!allows_pageable_) complain(std::string(name) + " of memory that is not locked");
      // The driver takes pageable memory at once, and gives it before it returns.
      if (is_upload) {
        auto taken = std::make_shared<std::vector<std::byte>>(
            static_cast<std::byte*>(host), static_cast<std::byte*>(host) + bytes);
        queue->left.push_back(
            [taken, there] { std::memcpy(pointer(there), taken->data(), taken->size()); });
      } else {
        finish(*queue, name);
        std::memcpy(host, pointer(there), bytes);
      }
      return 0;
    }
    queue->left.push_back([this, name, host, there, bytes, is_upload] {
      check_device(there, bytes, name);
      if (!is_locked(host, bytes)) complain(std::string(name) + " of memory that was unlocked");
      if (is_upload)
        std::memcpy(pointer(there), host, bytes);
      else
        std::memcpy(host, pointer(there), bytes);
    });
    return 0;
  }

  mutable std::recursive_mutex mutex_;
  std::vector<std::string> complaints_;
  std::map<address, std::size_t> allocations_;
  std::map<void*, std::unique_ptr<stream>> streams_;
  std::map<void*, std::shared_ptr<event>> events_;
  std::map<const std::byte*, std::size_t> locked_;
  std::size_t retained_ = 0;
  std::size_t calls_ = 0;
  bool allows_pageable_ = false;
  int left_ = 0;
  status failure_ = 0;
  bool has_failed_ = false;
  unsigned fault_ = 0;
  bool is_lost_ = false;
  bool is_hung_ = false;
  bool was_hung_ = false;
};

inline thread_local int strict_driver::current = 0;
inline thread_local unsigned strict_driver::told_of = 0;

inline modal::detail::cuda::driver strict_driver::table() {
  using guard = std::scoped_lock<std::recursive_mutex>;
  modal::detail::cuda::driver made;
  made.init = [](unsigned) { return instance()->init_status; };
  made.driver_version = [](int* found) {
    *found = instance()->version;
    return 0;
  };
  made.error_name = [](status which, const char** name) {
    *name = which == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_OF_THE_TEST";
    return 0;
  };
  made.device_count = [](int* count) {
    *count = instance()->devices;
    return 0;
  };
  made.get_device = [](int* found, int ordinal) {
    *found = ordinal;
    return ordinal < instance()->devices ? 0 : 101;
  };
  made.device_name = [](char* name, int, int) {
    std::strcpy(name, "strict GPU");
    return 0;
  };
  made.device_uuid = [](modal::detail::cuda::uuid* id, int of) {
    id->bytes.fill(static_cast<unsigned char>(0xa0 + of));
    return 0;
  };
  made.total_memory = [](std::size_t* bytes, int) {
    *bytes = instance()->memory;
    return 0;
  };
  made.attribute = [](int* value, int which, int) {
    *value = which == 20 ? instance()->mode : which == 75 ? 9 : which == 76 ? 0 : 1;
    return 0;
  };
  made.default_pool = [](void** pool, int of) {
    *pool = reinterpret_cast<void*>(static_cast<std::uintptr_t>(of + 1));
    return 0;
  };
  made.set_pool_attribute = [](void*, int, void*) { return 0; };
  made.trim_pool = [](void*, std::size_t) { return 0; };
  made.retain_context = [](void** context, int of) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("retain_context", failing::yes, false))
      return failed;
    ++instance()->retained_;
    *context = reinterpret_cast<void*>(static_cast<std::uintptr_t>(of + 1));
    return 0;
  };
  made.release_context = [](int) {
    const guard lock(instance()->mutex_);
    if (instance()->retained_-- == 0) instance()->complain("release_context of none");
    return 0;
  };
  made.set_context = [](void* context) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("set_context", failing::no, false)) return failed;
    current = static_cast<int>(reinterpret_cast<std::uintptr_t>(context));
    return 0;
  };
  made.create_stream = [](void** made_one, unsigned flags) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("create_stream")) return failed;
    if (flags != 1) instance()->complain("a stream that waits for the default stream");
    auto fresh = std::make_unique<stream>(stream{current, {}});
    *made_one = fresh.get();
    instance()->streams_.emplace(fresh.get(), std::move(fresh));
    return 0;
  };
  made.destroy_stream = [](void* which) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("destroy_stream", failing::no)) return failed;
    if (stream* const found = instance()->find(which, "destroy_stream")) {
      instance()->finish(*found, "destroy_stream");
      instance()->streams_.erase(which);
    }
    return 0;
  };
  made.synchronize_stream = [](void* which) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("synchronize_stream", failing::no)) return failed;
    if (stream* const found = instance()->find(which, "synchronize_stream"))
      instance()->finish(*found, "synchronize_stream");
    return 0;
  };
  made.allocate = [](address* made_one, std::size_t bytes, void* on) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("allocate")) return failed;
    (void)instance()->find(on, "allocate");
    *made_one = static_cast<address>(
        reinterpret_cast<std::uintptr_t>(std::aligned_alloc(256, (bytes + 255) / 256 * 256)));
    instance()->allocations_[*made_one] = bytes;
    return 0;
  };
  made.deallocate = [](address which, void* on) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("deallocate", failing::no)) return failed;
    if (stream* const queue = instance()->find(on, "deallocate"))
      queue->left.push_back([which] {
        if (instance()->allocations_.erase(which) == 0)
          instance()->complain("deallocate of what is not there");
        else
          std::free(pointer(which));
      });
    return 0;
  };
  made.copy_to_device = [](address to, const void* from, std::size_t bytes, void* on) {
    const guard lock(instance()->mutex_);
    return instance()->copy("copy_to_device", const_cast<void*>(from), to, bytes, on, true);
  };
  made.copy_to_host = [](void* to, address from, std::size_t bytes, void* on) {
    const guard lock(instance()->mutex_);
    return instance()->copy("copy_to_host", to, from, bytes, on, false);
  };
  made.copy_on_device = [](address to, address from, std::size_t bytes, void* on) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("copy_on_device")) return failed;
    if (stream* const queue = instance()->find(on, "copy_on_device"))
      queue->left.push_back([to, from, bytes] {
        instance()->check_device(to, bytes, "copy_on_device");
        instance()->check_device(from, bytes, "copy_on_device");
        std::memmove(pointer(to), pointer(from), bytes);
      });
    return 0;
  };
  made.create_event = [](void** made_one, unsigned) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("create_event")) return failed;
    auto fresh = std::make_shared<event>(event{.context = current});
    *made_one = fresh.get();
    instance()->events_.emplace(fresh.get(), std::move(fresh));
    return 0;
  };
  made.record_event = [](void* which, void* on) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("record_event")) return failed;
    stream* const queue = instance()->find(on, "record_event");
    const auto found = instance()->events_.find(which);
    if (found == instance()->events_.end()) {
      instance()->complain("record_event of what is not there");
    } else if (queue != nullptr) {
      found->second->is_recorded = true;
      found->second->on = queue;
      // Kept: another one may be made at its address before the stream gets there.
      queue->left.push_back([marked = found->second] { marked->is_passed = true; });
    }
    return 0;
  };
  made.query_event = [](void* which) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("query_event")) return failed;
    event* const found = instance()->find_recorded(which, "query_event");
    if (found == nullptr) return 400;
    if (found->is_passed) return 0;
    (void)advance(*found->on);
    return 600;
  };
  made.synchronize_event = [](void* which) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("synchronize_event")) return failed;
    event* const found = instance()->find_recorded(which, "synchronize_event");
    if (found == nullptr) return 400;
    if (instance()->is_hung_) instance()->complain("synchronize_event waits for ever");
    while (!found->is_passed && advance(*found->on)) {
    }
    return 0;
  };
  made.elapsed_time = [](float* milliseconds, void* from, void* to) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("elapsed_time")) return failed;
    for (void* const each : {from, to}) {
      const auto found = instance()->events_.find(each);
      if (found == instance()->events_.end() || !found->second->is_passed)
        instance()->complain("elapsed_time of what was not passed");
    }
    *milliseconds = 1.5F;
    return 0;
  };
  made.destroy_event = [](void* which) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("destroy_event", failing::no)) return failed;
    if (instance()->events_.erase(which) == 0)
      instance()->complain("destroy_event of what is not there");
    return 0;
  };
  made.lock_memory = [](void** made_one, std::size_t bytes, unsigned) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("lock_memory")) return failed;
    *made_one = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    instance()->locked_[static_cast<std::byte*>(*made_one)] = bytes;
    return 0;
  };
  made.unlock_memory = [](void* which) {
    const guard lock(instance()->mutex_);
    if (const status failed = instance()->begin("unlock_memory", failing::no)) return failed;
    if (instance()->is_hung_) instance()->complain("unlock_memory waits for ever");
    if (instance()->locked_.erase(static_cast<std::byte*>(which)) == 0)
      instance()->complain("unlock_memory of what is not there");
    else
      std::free(which);
    return 0;
  };
  return made;
}

}  // namespace test
