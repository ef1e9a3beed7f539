// SPDX-License-Identifier: Apache-2.0
#include <modal/base/bytes.hpp>
#include <modal/gpu/current_stream.hpp>
#include <modal/gpu/device_error.hpp>

#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace modal::gpu {
namespace {

// All is done as soon as it is asked for.
class local_event final : public event {
 public:
  result<bool> is_passed() const override { return true; }
  result<void> wait() const override { return {}; }
  result<std::chrono::nanoseconds> since(const event& earlier) const override {
    return at_ - dynamic_cast<const local_event&>(earlier).at_;
  }

 private:
  const std::chrono::steady_clock::time_point at_ = std::chrono::steady_clock::now();
};

class local_stream final : public stream {
 public:
  result<void*> allocate(std::size_t bytes) override {
    constexpr std::size_t alignment = 256;
    if (bytes == 0) return nullptr;
    if (bytes <= SIZE_MAX - alignment)
      if (void* made = std::aligned_alloc(alignment, align_up(bytes, alignment))) return made;
    return error(errc::device_out_of_memory, "there is no memory for it");
  }
  void deallocate(void* memory, std::size_t /*bytes*/) noexcept override { std::free(memory); }
  result<void> copy(void* to, const void* from, std::size_t bytes, copy_kind /*way*/) override {
    if (bytes != 0) std::memmove(to, from, bytes);
    return {};
  }
  result<std::shared_ptr<event>> record() override { return std::make_shared<local_event>(); }
  void drain() noexcept override {}
  [[nodiscard]] void* native_handle() const noexcept override { return nullptr; }
  [[nodiscard]] bool is_host() const noexcept override { return true; }
};

thread_local std::shared_ptr<stream> present;
thread_local stream_scope* innermost = nullptr;

// What was taken outside of scopes.
struct loose_scratch {
  loose_scratch() = default;
  loose_scratch(const loose_scratch&) = delete;
  loose_scratch& operator=(const loose_scratch&) = delete;
  ~loose_scratch() {
    for (const auto& each : all) on->deallocate(each.memory, each.bytes);
  }
  const std::shared_ptr<stream> on = current_stream();
  struct block {
    void* memory;
    std::size_t bytes;
  };
  std::vector<block> all;
};

}  // namespace

const std::shared_ptr<stream>& current_stream() {
  static const std::shared_ptr<stream> local = std::make_shared<local_stream>();
  return present != nullptr ? present : local;
}

stream_scope::stream_scope(std::shared_ptr<stream> which) noexcept
    : previous_(std::exchange(present, std::move(which))), outer_(std::exchange(innermost, this)) {}

stream_scope::~stream_scope() {
  for (const scratch& each : scratch_) current_stream()->deallocate(each.memory, each.bytes);
  innermost = outer_;
  present = std::move(previous_);
}

void* take_scratch(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  // Its place first, so that nothing fails when there is something to give back.
  const auto fill = [bytes](stream& on, auto& all) {
    auto& place = all.emplace_back();
    auto taken = on.allocate(bytes);
    if (taken) return place = {*taken, bytes}, *taken;
    all.pop_back();
    return detail::device_value(std::move(taken));
  };
  if (innermost != nullptr) return fill(*current_stream(), innermost->scratch_);
  thread_local loose_scratch loose;
  return fill(*loose.on, loose.all);
}

}  // namespace modal::gpu
