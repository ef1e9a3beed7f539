// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/cuda/driver.hpp"
#include "device/cuda/nvml.hpp"
#include "device/device.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace modal::detail {

struct cuda_device_config {
  /// The most memory that functions may have; 0: all of the device.
  std::size_t memory_bytes = 0;
  /// How much host memory may be locked for it.
  std::size_t pinned_bytes = default_pinned_bytes;
  /// What looks at it from outside; null: nothing does.
  std::shared_ptr<nvml::monitor> monitor{};
};

/// A GPU. Uses the device's primary context, which CUDA's runtime API, Thrust and cuBLAS use too;
/// it is made when the first stream or block is asked for. Memory comes from the device's
/// stream-ordered pool, which keeps what is given back. Once the device has failed for good, every
/// operation is a `device_fault`, and the driver is not called any more.
class cuda_device final : public device {
 public:
  cuda_device(const cuda::driver& table, device_info info, cuda_device_config config = {});
  ~cuda_device() override;
  cuda_device(const cuda_device&) = delete;
  cuda_device& operator=(const cuda_device&) = delete;

  [[nodiscard]] const device_info& info() const noexcept override;
  [[nodiscard]] device_memory memory() const noexcept override;
  [[nodiscard]] device_health health() const override;
  [[nodiscard]] bool has_failed() const noexcept override;
  void give_up(const char* why) noexcept override;
  [[nodiscard]] bool is_given_up() const noexcept override;
  result<std::shared_ptr<gpu::stream>> make_stream() override;
  [[nodiscard]] pinned_pool& pinned() noexcept override { return *pinned_; }

  class context;  ///< for the body of this class

 private:
  const std::shared_ptr<context> context_;     // owners: this, streams, events and blocks
  const std::shared_ptr<pinned_pool> pinned_;  // owners: this, and streams
  const std::shared_ptr<nvml::monitor> monitor_;
};

/// Finds the GPUs of this machine that can be used, without making a context.
/// **Errors**: `no_device` where there is none, with what to do about it.
result<std::vector<device_info>> find_cuda_devices(const cuda::driver& table);

}  // namespace modal::detail
