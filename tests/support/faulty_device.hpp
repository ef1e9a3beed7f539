// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/host/host_device.hpp"

#include <atomic>
#include <memory>
#include <utility>

namespace test {

/// A host device of which one operation fails, by its number; from then on, if the error says that
/// the device has failed, all do.
class faulty_device final : public modal::detail::device {
 public:
  faulty_device(int failing, modal::errc what, modal::detail::host_device_config config = {})
      : faults_(std::make_shared<faults>(failing, what)), real_(std::move(config)) {}

  [[nodiscard]] const modal::detail::device_info& info() const noexcept override {
    return real_.info();
  }
  [[nodiscard]] modal::detail::device_memory memory() const noexcept override {
    return real_.memory();
  }
  [[nodiscard]] bool has_failed() const noexcept override {
    return faults_->has_failed && faults_->what == modal::errc::device_fault;
  }
  void give_up(const char* why) noexcept override { real_.give_up(why); }
  [[nodiscard]] bool is_given_up() const noexcept override { return real_.is_given_up(); }
  modal::result<std::shared_ptr<modal::gpu::stream>> make_stream() override {
    if (faults_->fails()) return faults_->reason();
    return std::make_shared<stream>(faults_, real_.make_stream().value());
  }
  [[nodiscard]] modal::detail::pinned_pool& pinned() noexcept override { return real_.pinned(); }

  /// Returns whether the operation was reached.
  [[nodiscard]] bool was_reached() const { return faults_->has_failed; }

 private:
  struct faults {
    faults(int failing, modal::errc fails_with) : left(failing), what(fails_with) {}
    bool fails() {
      if (has_failed && what == modal::errc::device_fault) return true;
      if (--left != 0) return false;
      has_failed = true;
      return true;
    }
    [[nodiscard]] modal::error reason() const { return {what, "injected"}; }

    std::atomic<int> left;
    const modal::errc what;
    std::atomic<bool> has_failed{false};
  };

  class stream final : public modal::gpu::stream {
   public:
    stream(std::shared_ptr<faults> those, std::shared_ptr<modal::gpu::stream> real)
        : faults_(std::move(those)), real_(std::move(real)) {}
    modal::result<void*> allocate(std::size_t bytes) override {
      if (faults_->fails()) return faults_->reason();
      return real_->allocate(bytes);
    }
    void deallocate(void* memory, std::size_t bytes) noexcept override {
      real_->deallocate(memory, bytes);
    }
    modal::result<void> copy(void* to, const void* from, std::size_t bytes,
                             modal::gpu::copy_kind way) override {
      if (faults_->fails()) return faults_->reason();
      return real_->copy(to, from, bytes, way);
    }
    modal::result<std::shared_ptr<modal::gpu::event>> record() override {
      if (faults_->fails()) return faults_->reason();
      auto made = real_->record();
      if (!made) return made;
      return std::make_shared<event>(faults_, *std::move(made));
    }
    [[nodiscard]] std::shared_ptr<std::byte[]> take_pinned(std::size_t bytes) noexcept override {
      return real_->take_pinned(bytes);
    }
    void drain() noexcept override { real_->drain(); }
    [[nodiscard]] void* native_handle() const noexcept override { return nullptr; }
    [[nodiscard]] bool is_host() const noexcept override { return true; }

   private:
    const std::shared_ptr<faults> faults_;
    const std::shared_ptr<modal::gpu::stream> real_;
  };

  class event final : public modal::gpu::event {
   public:
    event(std::shared_ptr<faults> those, std::shared_ptr<modal::gpu::event> real)
        : faults_(std::move(those)), real_(std::move(real)) {}
    modal::result<bool> is_passed() const override {
      // Not before it is passed: the work behind a mark that has failed is over. There is no want
      // of memory in looking.
      auto passed = real_->is_passed();
      if (faults_->what == modal::errc::device_fault && passed && *passed && faults_->fails())
        return faults_->reason();
      return passed;
    }
    modal::result<void> wait() const override { return real_->wait(); }
    modal::result<std::chrono::nanoseconds> since(const modal::gpu::event&) const override {
      return std::chrono::nanoseconds{0};
    }

   private:
    const std::shared_ptr<faults> faults_;
    const std::shared_ptr<modal::gpu::event> real_;
  };

  const std::shared_ptr<faults> faults_;
  modal::detail::host_device real_;
};

}  // namespace test
