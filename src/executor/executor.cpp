// SPDX-License-Identifier: Apache-2.0
#include <modal/base/insist.hpp>
#include <modal/base/mutex.hpp>
#include <modal/executor.hpp>

#include "door/door.hpp"
#include "door/mount.hpp"
#include "executor/devices.hpp"
#include "executor/door_handler.hpp"
#include "executor/signal_wait.hpp"
#include "net/event_loop.hpp"
#include "net/server.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace modal {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw_error(error(errc::bad_configuration, why));
}

void validate(const executor_config& config) {
  const limits& bounds = config.limits;
  if (config.io_threads == 0) refuse("io_threads must be at least 1");
  if (config.threads > 100'000 || config.io_threads > 1'000) refuse("too many threads");
  if (config.host_devices > 64) refuse("host_devices must be at most 64");
  if (config.calls_per_device == 0) refuse("calls_per_device must be at least 1");
  if (config.host_device_memory == 0) refuse("host_device_memory must be at least 1");
  if (config.grace.count() < 0) refuse("grace must not be negative");
  if (config.stop_patience.count() < 0) refuse("stop_patience must not be negative");
  if (config.device_patience.count() < 0) refuse("device_patience must not be negative");
  if (bounds.header_bytes < 1024 || bounds.header_bytes > (1U << 20))
    refuse("limits.header_bytes must be from 1 KiB to 1 MiB");
  if (bounds.connections == 0) refuse("limits.connections must be at least 1");
  if (bounds.body_bytes == 0 || bounds.bytes_in_flight == 0)
    refuse("limits.body_bytes and limits.bytes_in_flight must be at least 1");
  if (bounds.remembered_calls > 100'000'000)
    refuse("limits.remembered_calls must be at most 100 million");
  if (bounds.rate_window.count() <= 0) refuse("limits.rate_window must be longer than zero");
  for (const auto each :
       {bounds.header_timeout, bounds.idle_timeout, bounds.transfer_timeout, bounds.call_timeout})
    if (each.count() <= 0) refuse("the time limits must be longer than zero");
}

catalog gather(const executor_config& config) {
  if (config.functions != nullptr) return *config.functions;
  auto registered = registered_functions();
  if (!registered) throw_error(registered.error());
  return *std::move(registered);
}

std::string names_of(const catalog& functions) {
  std::string text;
  for (const auto& [name, entry] : functions) {
    if (!text.empty()) text += ' ';
    text += name;
  }
  return text;
}

std::string describe(const std::vector<detail::dispatcher_snapshot::device>& devices) {
  std::string text;
  for (const auto& each : devices) {
    const detail::device_info& info = each.info;
    if (!text.empty()) text += "; ";
    text +=
        to_name(info) + ", " + info.model + ", " + std::to_string(each.memory.limit >> 20) + " MiB";
    if (info.capability != 0) text += ", sm_" + std::to_string(info.capability);
    if (info.numa_node >= 0) text += ", NUMA node " + std::to_string(info.numa_node);
    if (info.nvlinks != 0) text += ", " + std::to_string(info.nvlinks) + " NVLinks";
    if (info.cuda != 0)
      text += ", CUDA " + std::to_string(info.cuda / 1000) + '.' +
              std::to_string(info.cuda % 1000 / 10);
    if (!info.driver.empty()) text += ", driver " + info.driver;
  }
  return text;
}

// Workers move bytes while they have no call to run.
class loop_lookout final : public detail::lookout {
 public:
  explicit loop_lookout(std::shared_ptr<detail::event_loop> loop) : loop_(std::move(loop)) {}
  void look() noexcept override { loop_->look(); }
  void wake() noexcept override { loop_->wake(); }
  void hand_over() noexcept override { loop_->hand_over(); }

 private:
  const std::shared_ptr<detail::event_loop> loop_;
};

std::shared_ptr<detail::event_loop> make_loop(polling how) {
  try {
    return std::make_shared<detail::event_loop>(how);
  } catch (const std::system_error& failed) {
    refuse(std::string("no descriptors to be had: ") + failed.what());
  }
}

}  // namespace

struct executor::impl {
  enum class state { fresh, running, stopping, stopped };

  explicit impl(executor_config settings) : config(std::move(settings)), functions(gather(config)) {
    validate(config);
    if (!config.log) config.log = log_to_stderr();
    if (config.threads == 0)
      config.threads = std::max<std::size_t>(std::thread::hardware_concurrency(), 2);
  }

  /// Returns whether this is the child of a fork, and the threads stayed with the parent.
  [[nodiscard]] bool is_elsewhere() const noexcept {
    const pid_t started = started_in;
    return started != 0 && started != ::getpid();
  }
  [[nodiscard]] state found() const {
    const detail::mutex_lock lock(mutex);
    return at;
  }
  void start(boost::asio::io_context* host);
  void stop() noexcept;
  void stop_once() noexcept;
  /// Waits until no thread is inside of `stop`.
  void wait_alone() noexcept;
  /// Logs, unless that fails: no memory, or a sink that throws against its contract.
  template <class Text>
  void say_surely(log_level level, Text text) const noexcept {
    try {
      say(level, text());
    } catch (...) {
    }
  }
  void say(log_level level, const std::string& message,
           std::vector<std::pair<std::string_view, std::string>> fields = {}) const {
    config.log({.level = level,
                .time = std::chrono::system_clock::now(),
                .message = message,
                .function = {},
                .call = {},
                .fields = std::move(fields)});
  }

  executor_config config;
  catalog functions;
  buffer_pool pool;  // of mounted calls
  // Owners: connections too. A host may run the last of their handlers when this is gone.
  std::shared_ptr<detail::dispatcher> calls;
  std::shared_ptr<detail::door> the_door;
  std::shared_ptr<std::atomic<std::size_t>> connections =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::unique_ptr<detail::server> listener;
  detail::signal_wait signals;
  std::atomic<pid_t> started_in{0};  ///< the process; 0: in none

  mutable detail::mutex mutex;
  detail::condition_variable changed;
  state at MODAL_GUARDED_BY(mutex) = state::fresh;
  std::size_t inside_stop MODAL_GUARDED_BY(mutex) = 0;  ///< threads
};

void executor::impl::start(boost::asio::io_context* host) {
  if (found() != state::fresh) refuse("the executor was started before");
  started_in = ::getpid();
  const auto loop = config.address.empty() ? nullptr : make_loop(config.poll);
  // On a host's context it is the host's threads that move bytes.
  const auto between_calls =
      loop != nullptr && host == nullptr ? std::make_shared<loop_lookout>(loop) : nullptr;
  auto devices = detail::make_devices(config, functions);
  calls = std::make_shared<detail::dispatcher>(
      functions, detail::dispatcher_config{.bounds = config.limits,
                                           .threads = config.threads,
                                           .log = config.log,
                                           .log_calls = config.log_calls,
                                           .devices = std::move(devices.all),
                                           .calls_per_device = config.calls_per_device,
                                           .no_host_device = std::move(devices.no_host_device),
                                           .no_gpu = std::move(devices.no_gpu),
                                           .between_calls = between_calls});
  calls->start();
  for (const auto& each : calls->snapshot().functions)
    if (!each.obstacle.empty())
      say(log_level::warning,
          each.descriptor->name + " cannot be called: " + std::string(each.obstacle));
  const auto count = [open = connections] { return open->load(std::memory_order_relaxed); };
  the_door = std::shared_ptr<detail::door>(new detail::door(*calls, count, config.allowed_origins),
                                           [keep = calls](detail::door* last) { delete last; });
  if (!config.address.empty()) {
    listener =
        std::make_unique<detail::server>(detail::server_config{.address = config.address,
                                                               .port = config.port,
                                                               .io_threads = config.io_threads,
                                                               .local = config.local,
                                                               .bounds = config.limits,
                                                               .log = config.log,
                                                               .loop = loop,
                                                               .open = connections},
                                         detail::make_door_handler(the_door));
    try {
      listener->start(host);
    } catch (...) {
      listener.reset();
      the_door.reset();
      calls.reset();
      throw;
    }
  }
  {
    const detail::mutex_lock lock(mutex);
    at = state::running;
  }
  const std::string where = listener ? listener->url() : "the host's own server";
  say(functions.size() == 0 ? log_level::warning : log_level::info,
      "serving " + std::to_string(functions.size()) + " functions at " + where,
      {{"functions", names_of(functions)},
       {"threads", std::to_string(config.threads)},
       {"devices", describe(calls->snapshot().devices)}});
}

// Whoever comes back from this may destroy the executor, and waits for the others that are inside.
void executor::impl::stop() noexcept {
  if (is_elsewhere()) return;
  {
    const detail::mutex_lock lock(mutex);
    ++inside_stop;
  }
  stop_once();
  const detail::mutex_lock lock(mutex);
  --inside_stop;
  changed.notify_all();
}

void executor::impl::wait_alone() noexcept {
  detail::mutex_lock lock(mutex);
  while (inside_stop != 0) changed.wait(lock);
}

// Whatever happens in between, who waits for the end of this is told.
void executor::impl::stop_once() noexcept {
  {
    detail::mutex_lock lock(mutex);
    while (at == state::stopping) changed.wait(lock);
    if (at != state::running) return;
    at = state::stopping;
  }
  say_surely(log_level::info, [] { return std::string("draining: no new calls are taken"); });
  const auto begin = std::chrono::steady_clock::now();
  if (listener) detail::insist([&] { listener->drain(); });
  const std::chrono::nanoseconds grace = saturated(config.grace);
  std::size_t left_behind = 0;
  detail::insist([&] { left_behind = calls->stop(grace, saturated(config.stop_patience)); });
  if (left_behind != 0)
    say_surely(log_level::error, [&] {
      return std::to_string(left_behind) +
             " functions ignore their stop token; their threads are left behind";
    });
  const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - begin;
  // Answers that are still on their way get what is left of the time.
  if (listener)
    detail::insist([&] {
      listener->stop(std::max<std::chrono::nanoseconds>(grace - spent, std::chrono::seconds{1}));
    });
  say_surely(log_level::info, [] { return std::string("stopped"); });
  signals.end();
  const detail::mutex_lock lock(mutex);
  at = state::stopped;
  changed.notify_all();
}

executor::executor(executor_config config) : impl_(std::make_unique<impl>(std::move(config))) {}

executor::~executor() {
  impl_->stop();
  if (!impl_->is_elsewhere()) impl_->wait_alone();
  // In the child of a fork, what the threads of the parent were doing is never done.
  static std::atomic<impl*> of_the_parent{nullptr};  // still known, to those who look for leaks
  if (impl_->is_elsewhere()) of_the_parent = impl_.release();
}

void executor::add(function_descriptor entry) {
  if (impl_->found() != impl::state::fresh)
    refuse("functions are added before the executor is started");
  if (auto added = impl_->functions.add(std::move(entry)); !added) throw_error(added.error());
}

void executor::start() { impl_->start(nullptr); }
void executor::start(boost::asio::io_context& context) { impl_->start(&context); }
void executor::stop() { impl_->stop(); }

void executor::run() {
  const auto found = impl_->found();
  if (found == impl::state::stopped) return;
  if (found == impl::state::fresh) start();
  std::thread stopper;
  impl_->signals.run([&](int number) {
    if (stopper.joinable()) {
      impl_->say(log_level::warning, "a second signal: the grace period ends now");
      impl_->calls->hurry();
      return;
    }
    impl_->say(log_level::info, number == SIGINT ? "interrupted" : "asked to terminate");
    stopper = std::thread([this] { stop(); });
  });
  if (stopper.joinable()) stopper.join();
}

std::string executor::url() const { return impl_->listener ? impl_->listener->url() : ""; }

std::uint16_t executor::port() const {
  return impl_->listener ? impl_->listener->port() : std::uint16_t{0};
}

executor_stats executor::stats() const {
  if (impl_->calls == nullptr) return {};
  const auto now = impl_->calls->snapshot();
  return {.admitted = now.admitted,
          .refused = now.refused,
          .succeeded = now.succeeded,
          .failed = now.failed,
          .waiting = now.waiting,
          .running = now.running,
          .bytes_in_flight = now.bytes_in_flight,
          .connections = impl_->connections->load(std::memory_order_relaxed)};
}

bool executor::serves(std::string_view target) const { return detail::door::serves(target); }

std::optional<http_response> executor::check(const http_request_head& head) const {
  if (impl_->the_door == nullptr) refuse("the executor was not started");
  return detail::check_mounted(*impl_->the_door, head);
}

mounted_call executor::async_handle(http_request request, std::function<void(http_response)> done) {
  if (impl_->the_door == nullptr) refuse("the executor was not started");
  return detail::handle_mounted(*impl_->the_door, impl_->pool, request, std::move(done));
}

http_response executor::handle(http_request request) {
  // Shared: what throws after the call has begun leaves the answer to nobody.
  const auto answer = std::make_shared<std::promise<http_response>>();
  auto answered = answer->get_future();
  async_handle(std::move(request),
               [answer](http_response response) { answer->set_value(std::move(response)); });
  return answered.get();
}

}  // namespace modal
