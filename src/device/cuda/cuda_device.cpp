// SPDX-License-Identifier: Apache-2.0
#include "device/cuda/cuda_device.hpp"

#include <modal/base/mutex.hpp>

#include "device/memory_meter.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <new>
#include <optional>
#include <string>
#include <utility>

namespace modal::detail {

using cuda::status;

// What all that belongs to one device shares: its context, and whether it has failed.
class cuda_device::context {
 public:
  context(const cuda::driver& functions, device_info found, std::size_t most)
      : table(functions), info(std::move(found)), limit(most != 0 ? most : info.memory_bytes) {}

  ~context() {
    if (handle_ != nullptr && !has_failed()) table.release_context(info.index);
  }

  /// Makes the context this thread's, and the context itself first if there is none.
  result<void> enter() {
    if (has_failed()) return lost();
    const mutex_lock lock(mutex_);
    if (handle_ == nullptr) {
      cuda::context_handle made = nullptr;
      if (const status got = table.retain_context(&made, info.index); got != cuda::success)
        return failure(got, "cuDevicePrimaryCtxRetain");
      handle_ = made;
      // What is given back stays with the process: taking it anew from the system is slow.
      std::uint64_t all = UINT64_MAX;
      if (table.default_pool(&pool_, info.index) == cuda::success)
        table.set_pool_attribute(pool_, cuda::pool_release_threshold, &all);
      else
        pool_ = nullptr;
    }
    const status got = table.set_context(handle_);
    return got == cuda::success ? result<void>() : result<void>(failure(got, "cuCtxSetCurrent"));
  }

  /// Calls a function of the driver in this context.
  template <class Call>
  result<void> call(const char* name, Call&& function) {
    if (auto entered = enter(); !entered) return entered;
    const status got = function();
    return got == cuda::success ? result<void>() : result<void>(failure(got, name));
  }

  error failure(status what, const char* where) noexcept {
    if (cuda::is_sticky(what)) has_failed_.store(true);
    return say(what == cuda::out_of_memory ? errc::device_out_of_memory : errc::device_fault, [&] {
      return cuda::to_text(table, what) + " from " + where + " on " + to_name(info) + ", " +
             info.model +
             (what == cuda::device_unavailable
                  ? ": another process has it for itself (the mode \"exclusive process\"); "
                    "nvidia-smi -c 0 lets several have it"
                  : "");
    });
  }
  error lost() const noexcept {
    return say(errc::device_fault, [&] {
      const char* const why = given_up_.load();
      return to_name(info) + ", " + info.model +
             (why != nullptr ? std::string(", was given up, for ") + why : ", has failed") +
             ", and works again when this process is started anew";
    });
  }
  /// Nobody knows what the device does: nothing is asked of it any more.
  void note_failure() noexcept { has_failed_.store(true); }
  void give_up(const char* why) noexcept {
    const char* none = nullptr;
    given_up_.compare_exchange_strong(none, why);
    note_failure();
  }
  [[nodiscard]] bool is_given_up() const noexcept { return given_up_.load() != nullptr; }
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_.load(); }

  result<cuda::address> allocate(std::size_t bytes, cuda::stream_handle on) {
    const std::size_t taken_bytes = device_bytes(bytes);
    if (!charge(taken_bytes))
      return say(errc::device_out_of_memory, [&] {
        return to_name(info) + " has " + std::to_string(limit - used_.load()) +
               " bytes left for functions, and " + std::to_string(bytes) + " are asked for";
      });
    cuda::address made = 0;
    const auto take = [&] { return table.allocate(&made, bytes, on); };
    auto taken = call("cuMemAllocAsync", take);
    if (!taken && taken.error() == errc::device_out_of_memory && trim())
      taken = call("cuMemAllocAsync", take);
    if (taken) return made;
    used_ -= taken_bytes;
    return std::move(taken).error();
  }
  void note_free(std::size_t bytes) noexcept { used_ -= device_bytes(bytes); }

  [[nodiscard]] device_memory memory() const noexcept {
    return {used_.load(), most_used_.load(), limit};
  }

  const cuda::driver table;
  const device_info info;
  const std::size_t limit;

 private:
  // Without a text where there is no memory for one.
  template <class Text>
  static error say(errc what, Text text) noexcept {
    try {
      return {what, text()};
    } catch (const std::bad_alloc&) {
      return error(make_error_code(what), {});
    }
  }
  bool charge(std::size_t bytes) noexcept {
    std::size_t now = used_.load();
    do {
      if (bytes > limit - now) return false;
    } while (!used_.compare_exchange_weak(now, now + bytes));
    std::size_t most = most_used_.load();
    while (most < now + bytes && !most_used_.compare_exchange_weak(most, now + bytes)) {
    }
    return true;
  }
  // Gives back what the pool keeps: it may be in pieces that are too small.
  bool trim() {
    cuda::pool_handle pool = nullptr;
    {
      const mutex_lock lock(mutex_);  // not while the driver works: all need it
      pool = pool_;
    }
    return pool != nullptr && table.trim_pool(pool, 0) == cuda::success;
  }

  std::atomic<bool> has_failed_{false};
  std::atomic<const char*> given_up_{nullptr};
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> most_used_{0};
  detail::mutex mutex_;
  cuda::context_handle handle_ MODAL_GUARDED_BY(mutex_) = nullptr;
  cuda::pool_handle pool_ MODAL_GUARDED_BY(mutex_) = nullptr;
};

namespace {

class cuda_event final : public gpu::event {
 public:
  explicit cuda_event(std::shared_ptr<cuda_device::context> of) : context_(std::move(of)) {}
  ~cuda_event() override {
    if (handle_ != nullptr && context_->enter()) context_->table.destroy_event(handle_);
  }

  result<void> record(cuda::stream_handle on) {
    auto made =
        context_->call("cuEventCreate", [&] { return context_->table.create_event(&handle_, 0); });
    if (!made) return made;
    return context_->call("cuEventRecord",
                          [&] { return context_->table.record_event(handle_, on); });
  }

  result<bool> is_passed() const override {
    if (auto entered = context_->enter(); !entered) return std::move(entered).error();
    const status got = context_->table.query_event(handle_);
    if (got == cuda::success) return true;
    if (got == cuda::not_ready) return false;
    return context_->failure(got, "cuEventQuery");
  }
  result<void> wait() const override {
    return context_->call("cuEventSynchronize",
                          [&] { return context_->table.synchronize_event(handle_); });
  }
  result<std::chrono::nanoseconds> since(const gpu::event& earlier) const override {
    float milliseconds = 0;
    const auto& other = dynamic_cast<const cuda_event&>(earlier);
    auto told = context_->call("cuEventElapsedTime", [&] {
      return context_->table.elapsed_time(&milliseconds, other.handle_, handle_);
    });
    if (!told) return std::move(told).error();
    return std::chrono::nanoseconds(
        static_cast<std::chrono::nanoseconds::rep>(static_cast<double>(milliseconds) * 1e6));
  }

 private:
  const std::shared_ptr<cuda_device::context> context_;
  cuda::event_handle handle_ = nullptr;
};

class cuda_stream final : public gpu::stream {
 public:
  cuda_stream(std::shared_ptr<cuda_device::context> of, std::shared_ptr<pinned_pool> pinned)
      : context_(std::move(of)), pinned_(std::move(pinned)) {}
  ~cuda_stream() override {
    if (handle_ != nullptr && context_->enter()) context_->table.destroy_stream(handle_);
  }

  result<void> open() {
    return context_->call("cuStreamCreate", [&] {
      return context_->table.create_stream(&handle_, cuda::non_blocking_stream);
    });
  }

  result<void*> allocate(std::size_t bytes) override {
    if (bytes == 0) return nullptr;
    auto made = context_->allocate(bytes, handle_);
    if (!made) return std::move(made).error();
    meter_.take(device_bytes(bytes));
    return reinterpret_cast<void*>(static_cast<std::uintptr_t>(*made));
  }
  void deallocate(void* memory, std::size_t bytes) noexcept override {
    if (memory == nullptr) return;
    // Of a device that has failed there is nothing to give back.
    if (context_->enter()) context_->table.deallocate(to_address(memory), handle_);
    context_->note_free(bytes);
    meter_.give_back(device_bytes(bytes));
  }
  std::size_t begin_peak() noexcept override { return meter_.begin(); }
  result<void> copy(void* to, const void* from, std::size_t bytes, gpu::copy_kind way) override {
    if (bytes == 0) return {};
    const cuda::driver& table = context_->table;
    switch (way) {
      case gpu::copy_kind::to_device:
        return context_->call("cuMemcpyHtoDAsync", [&] {
          return table.copy_to_device(to_address(to), from, bytes, handle_);
        });
      case gpu::copy_kind::to_host:
        return context_->call("cuMemcpyDtoHAsync", [&] {
          return table.copy_to_host(to, to_address(from), bytes, handle_);
        });
      case gpu::copy_kind::on_device:
        break;
    }
    return context_->call("cuMemcpyDtoDAsync", [&] {
      return table.copy_on_device(to_address(to), to_address(from), bytes, handle_);
    });
  }
  result<std::shared_ptr<gpu::event>> record() override {
    try {
      auto made = std::make_shared<cuda_event>(context_);
      if (auto recorded = made->record(handle_); !recorded) return std::move(recorded).error();
      return made;
    } catch (const std::bad_alloc&) {
      return error(make_error_code(errc::device_out_of_memory), {});
    }
  }
  [[nodiscard]] std::shared_ptr<std::byte[]> take_pinned(std::size_t bytes) noexcept override {
    return bytes != 0 ? pinned_->take_soon(bytes) : nullptr;
  }
  result<void> make_current() override { return context_->enter(); }
  void drain() noexcept override {
    if (!context_->enter() || context_->table.synchronize_stream(handle_) != cuda::success)
      context_->note_failure();
  }
  [[nodiscard]] void* native_handle() const noexcept override { return handle_; }
  [[nodiscard]] int device_index() const noexcept override { return context_->info.index; }
  [[nodiscard]] bool is_host() const noexcept override { return false; }

 private:
  static cuda::address to_address(const void* memory) noexcept {
    return static_cast<cuda::address>(reinterpret_cast<std::uintptr_t>(memory));
  }

  const std::shared_ptr<cuda_device::context> context_;
  const std::shared_ptr<pinned_pool> pinned_;
  cuda::stream_handle handle_ = nullptr;
  memory_meter meter_;
};

class cuda_block final : public pinned_block {
 public:
  cuda_block(std::shared_ptr<cuda_device::context> of, std::size_t bytes)
      : context_(std::move(of)), bytes_(bytes) {}
  ~cuda_block() override {
    if (data_ != nullptr && context_->enter()) context_->table.unlock_memory(data_);
  }
  result<void> open() {
    return context_->call("cuMemHostAlloc", [&] {
      return context_->table.lock_memory(&data_, bytes_, cuda::portable_memory);
    });
  }
  [[nodiscard]] std::byte* data() noexcept override { return static_cast<std::byte*>(data_); }
  [[nodiscard]] std::size_t size() const noexcept override { return bytes_; }

 private:
  const std::shared_ptr<cuda_device::context> context_;
  const std::size_t bytes_;
  void* data_ = nullptr;
};

std::string to_text(const cuda::uuid& id) {
  std::string text = "GPU-";
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    std::array<char, 3> pair{};
    std::snprintf(pair.data(), pair.size(), "%02x", id.bytes[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += pair.data();
  }
  return text;
}

error unusable(const cuda::driver& table, status why, const char* where) {
  std::string text = cuda::to_text(table, why) + " from " + where;
  if (why == cuda::no_device)
    text += ": there is no GPU, or CUDA_VISIBLE_DEVICES hides it";
  else if (why == cuda::system_driver_mismatch)
    text += ": the driver's kernel module and library differ; restart the machine";
  else if (why == cuda::stub_library)
    text += ": this is the toolkit's stub, not a driver; take it off the library path";
  return {errc::no_device, std::move(text)};
}

result<device_info> look_at(const cuda::driver& table, int ordinal) {
  device_info found;
  found.what = device_info::kind::cuda;
  found.index = ordinal;
  cuda::device_number number = 0;
  if (const status got = table.get_device(&number, ordinal); got != cuda::success)
    return unusable(table, got, "cuDeviceGet");
  std::array<char, 128> name{};
  if (table.device_name(name.data(), static_cast<int>(name.size()) - 1, number) == cuda::success)
    found.model = name.data();
  cuda::uuid id{};
  if (table.device_uuid(&id, number) == cuda::success) found.id = to_text(id);
  if (const status got = table.total_memory(&found.memory_bytes, number); got != cuda::success)
    return unusable(table, got, "cuDeviceTotalMem");
  const auto attribute = [&](int which) {
    int value = -1;
    return table.attribute(&value, which, number) == cuda::success ? value : -1;
  };
  found.capability = 10 * attribute(cuda::capability_major) + attribute(cuda::capability_minor);
  found.numa_node = attribute(cuda::host_numa_id);
  if (attribute(cuda::compute_mode) == cuda::mode_prohibited)
    return error(errc::no_device, to_name(found) + ", " + found.model +
                                      ", is in the mode \"prohibited\": nvidia-smi -c 0 ends that");
  if (attribute(cuda::memory_pools_supported) != 1)
    return error(errc::no_device,
                 to_name(found) + ", " + found.model + ", has no stream-ordered memory pools");
  return found;
}

}  // namespace

cuda_device::cuda_device(const cuda::driver& table, device_info info, cuda_device_config config)
    : context_(std::make_shared<context>(table, std::move(info), config.memory_bytes)),
      pinned_(std::make_shared<pinned_pool>(
          config.pinned_bytes,
          [of = context_](std::size_t bytes) -> result<std::unique_ptr<pinned_block>> {
            auto made = std::make_unique<cuda_block>(of, bytes);
            if (auto opened = made->open(); !opened) return std::move(opened).error();
            return made;
          })),
      monitor_(std::move(config.monitor)) {}

cuda_device::~cuda_device() = default;

const device_info& cuda_device::info() const noexcept { return context_->info; }

device_memory cuda_device::memory() const noexcept { return context_->memory(); }

device_health cuda_device::health() const {
  return monitor_ != nullptr ? monitor_->look() : device_health();
}

bool cuda_device::has_failed() const noexcept { return context_->has_failed(); }

void cuda_device::give_up(const char* why) noexcept { context_->give_up(why); }

bool cuda_device::is_given_up() const noexcept { return context_->is_given_up(); }

result<std::shared_ptr<gpu::stream>> cuda_device::make_stream() {
  auto made = std::make_shared<cuda_stream>(context_, pinned_);
  if (auto opened = made->open(); !opened) return std::move(opened).error();
  return made;
}

result<std::vector<device_info>> find_cuda_devices(const cuda::driver& table) {
  if (const status got = table.init(0); got != cuda::success) return unusable(table, got, "cuInit");
  int version = 0;
  if (table.driver_version(&version) != cuda::success || version < cuda::oldest_driver_version)
    return error(errc::no_device,
                 "the NVIDIA driver is for CUDA " + std::to_string(version / 1000) + "." +
                     std::to_string(version % 1000 / 10) + ": install one for CUDA 13.0 or later");
  int count = 0;
  if (const status got = table.device_count(&count); got != cuda::success)
    return unusable(table, got, "cuDeviceGetCount");
  std::vector<device_info> all;
  std::optional<error> last;
  for (int i = 0; i < count; ++i) {
    auto found = look_at(table, i);
    if (found) {
      found->cuda = version;
      all.push_back(*std::move(found));
    } else {
      last = std::move(found).error();
    }
  }
  if (!all.empty()) return all;
  if (last) return *std::move(last);
  return unusable(table, cuda::no_device, "cuDeviceGetCount");
}

}  // namespace modal::detail
