// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/gpu/stream.hpp>

#include "device/pinned_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace modal::detail {

/// What is known of a device before anybody uses it.
struct device_info {
  enum class kind : std::uint8_t { host, cuda } what = kind::host;
  int index = 0;      ///< among those of its kind
  std::string model;  ///< as its maker calls it: "NVIDIA H200"
  std::string id{};   ///< of this very device, where it has one: "GPU-…"
  std::size_t memory_bytes = 0;
  int capability = 0;  ///< of a GPU: 90 is `sm_90`
  int numa_node = -1;  ///< it is nearest to; -1: unknown
  int nvlinks = 0;     ///< in use
  int cuda = 0;        ///< that its driver is for: 13'000 is 13.0
  std::string driver{};
};

/// How a device is, whoever uses it. What nobody can tell is missing.
struct device_health {
  std::optional<unsigned> busy_percent{};  ///< of the last moments, in which something ran there
  std::optional<std::size_t> memory_used{};
  std::optional<unsigned> celsius{};
  std::optional<unsigned> milliwatts{};
};

/// Returns what it is called here: "host:0", "cuda:1".
inline std::string to_name(const device_info& which) {
  return (which.what == device_info::kind::host ? "host:" : "cuda:") + std::to_string(which.index);
}

/// Device memory is taken in pieces of so many bytes, and aligned so.
inline constexpr std::size_t device_alignment = 256;

/// Returns how much of a device `bytes` take.
constexpr std::size_t device_bytes(std::size_t bytes) noexcept {
  return bytes <= SIZE_MAX - device_alignment ? align_up(bytes, device_alignment) : bytes;
}

/// A device's memory at one moment.
struct device_memory {
  std::size_t used = 0;       ///< by functions of this process
  std::size_t most_used = 0;  ///< at any time
  std::size_t limit = 0;
};

/// One device. **Thread safety**: safe to share. Streams and blocks may outlive it.
class device {
 public:
  virtual ~device() = default;

  [[nodiscard]] virtual const device_info& info() const noexcept = 0;
  [[nodiscard]] virtual device_memory memory() const noexcept = 0;

  /// Takes milliseconds, and for ever if the driver does.
  [[nodiscard]] virtual device_health health() const { return {}; }

  /// Returns whether it is lost to this process: every operation is a `device_fault` from then on.
  [[nodiscard]] virtual bool has_failed() const noexcept { return false; }

  /// Takes it for lost, whatever it does: nothing is asked of it any more. What it was given to do
  /// may go on, with the memory that belongs to it. @param why lives for ever.
  virtual void give_up(const char* why) noexcept = 0;

  /// Returns whether it was given up: memory that it was told of, in work that nobody saw the end
  /// of, must never be used for anything else.
  [[nodiscard]] virtual bool is_given_up() const noexcept = 0;

  /// Makes a stream. **Errors**: `device_fault`.
  virtual result<std::shared_ptr<gpu::stream>> make_stream() = 0;

  /// Returns the host memory that is locked for it: any GPU of this process can use it.
  [[nodiscard]] virtual pinned_pool& pinned() noexcept = 0;
};

}  // namespace modal::detail
