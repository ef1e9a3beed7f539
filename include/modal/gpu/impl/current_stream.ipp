// SPDX-License-Identifier: Apache-2.0
#include <modal/base/bytes.hpp>
#include <modal/gpu/current_stream.hpp>
#include <modal/gpu/device_error.hpp>
#include <modal/gpu/device_vector.hpp>

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

}  // namespace

const std::shared_ptr<stream>& current_stream() {
  static const std::shared_ptr<stream> local = std::make_shared<local_stream>();
  return present != nullptr ? present : local;
}

stream_scope::stream_scope(std::shared_ptr<stream> which) noexcept
    : previous_(std::exchange(present, std::move(which))), outer_(std::exchange(innermost, this)) {}

stream_scope::~stream_scope() {
  innermost = outer_;
  present = std::move(previous_);
}

void* take_scratch(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  thread_local std::vector<detail::device_block> outside;
  auto& all = innermost != nullptr ? innermost->scratch_ : outside;
  return all.emplace_back(detail::device_value(detail::device_block::take(current_stream(), bytes)))
      .data();
}

}  // namespace modal::gpu
