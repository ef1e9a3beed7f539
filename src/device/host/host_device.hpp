// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/device.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>

namespace modal::detail {

struct host_device_config {
  int index = 0;
  /// How much memory it says it has.
  std::size_t memory_bytes = std::size_t{4} << 30;
  /// How much host memory may be locked for it.
  std::size_t pinned_bytes = default_pinned_bytes;
  /// How many bytes a second a copy takes, in each direction, as if there were a bus between.
  /// 0: copies are as fast as memory.
  std::uint64_t copy_bytes_per_second = 0;
  /// Runs before each copy, on the thread that makes it: tests hold copies up here. It must not
  /// throw.
  std::function<void(gpu::copy_kind)> on_copy{};
};

/// A device on CPU memory, so that everything that needs a GPU runs, and is tested, without one.
/// Copies to it and from it run on two threads of its own, one for each direction, as a GPU's two
/// copy engines do; the streams that share one wait for one another. A small copy with nothing
/// before it is made by whoever asks for it, which is sooner than any thread could begin.
class host_device final : public device {
 public:
  explicit host_device(const host_device_config& config = {});
  /// Ends when all that its streams were given is done.
  ~host_device() override;
  host_device(const host_device&) = delete;
  host_device& operator=(const host_device&) = delete;

  [[nodiscard]] const device_info& info() const noexcept override { return info_; }
  [[nodiscard]] device_memory memory() const noexcept override;
  [[nodiscard]] bool has_failed() const noexcept override { return is_given_up(); }
  void give_up(const char* why) noexcept override;
  [[nodiscard]] bool is_given_up() const noexcept override;
  result<std::shared_ptr<gpu::stream>> make_stream() override;
  [[nodiscard]] pinned_pool& pinned() noexcept override { return *pinned_; }

  class state;

 private:
  const device_info info_;
  const std::shared_ptr<pinned_pool> pinned_;  // owners: this, and each stream
  const std::shared_ptr<state> state_;         // owners: this, each stream and each event
};

}  // namespace modal::detail
