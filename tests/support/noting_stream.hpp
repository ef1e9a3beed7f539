// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/gpu/current_stream.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace test {

/// Does everything at once on the host, and notes what it was asked for; has room for `most` bytes.
/// Takes itself for a GPU's where a test says so.
class noting_stream final : public modal::gpu::stream {
 public:
  explicit noting_stream(std::size_t most = SIZE_MAX) : most_(most) {}
  modal::result<void*> allocate(std::size_t bytes) override {
    if (bytes > most_ - taken) return modal::error(modal::errc::device_out_of_memory, "full");
    taken += bytes;
    return local().allocate(bytes);
  }
  void deallocate(void* memory, std::size_t bytes) noexcept override {
    taken -= bytes;
    local().deallocate(memory, bytes);
  }
  modal::result<void> copy(void* to, const void* from, std::size_t bytes,
                           modal::gpu::copy_kind way) override {
    copies.push_back(bytes);
    if (way == modal::gpu::copy_kind::to_device) sources.push_back(from);
    if (way == modal::gpu::copy_kind::to_host) sources.push_back(to);
    return local().copy(to, from, bytes, way);
  }
  modal::result<std::shared_ptr<modal::gpu::event>> record() override { return local().record(); }
  void drain() noexcept override {}
  [[nodiscard]] void* native_handle() const noexcept override { return nullptr; }
  [[nodiscard]] bool is_host() const noexcept override { return !is_gpu; }
  [[nodiscard]] std::shared_ptr<std::byte[]> take_pinned(std::size_t bytes) noexcept override {
    if (bytes > pinned_left) return nullptr;
    pinned_left -= bytes;
    return pinned.emplace_back(std::make_shared<std::byte[]>(bytes));
  }

  bool is_gpu = false;
  std::size_t pinned_left = 0;
  std::vector<std::shared_ptr<std::byte[]>> pinned;  ///< all that were taken
  std::vector<const void*> sources;                  ///< the host's ends of the copies
  std::size_t taken = 0;
  std::vector<std::size_t> copies;

 private:
  static stream& local() { return *modal::gpu::current_stream(); }
  const std::size_t most_;
};

}  // namespace test
