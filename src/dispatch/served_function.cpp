// SPDX-License-Identifier: Apache-2.0
#include "dispatch/served_function.hpp"

#include <algorithm>

namespace modal::detail {
namespace {

device_need need_of(const function_descriptor& function) noexcept {
  const function_options& options = function.options;
  return {.what = function.device == device_use::cuda ? device_need::kind::gpu
                                                      : device_need::kind::host,
          .memory = options.gpu_memory,
          .capability = parse_capability(options.gpu_capability),
          .model = options.gpu_model};
}

// One worker less than all where there are several functions: one of them cannot hold them all.
// Where a device does the work, what counts is how many calls it has: the next one is uploaded and
// the last one downloaded beside the one that runs.
std::size_t most_running(const function_descriptor& served, const dispatcher_config& config,
                         std::size_t functions, std::span<const device_place> places) {
  const function_options& options = served.options;
  if (options.max_concurrent != 0) return options.max_concurrent;
  if (served.device != device_use::none) {
    const device_need need = need_of(served);
    const auto devices = static_cast<std::size_t>(
        std::count_if(places.begin(), places.end(),
                      [&need](const device_place& each) { return can_serve(need, each); }));
    return std::max<std::size_t>(config.calls_per_device * devices, 1);
  }
  const std::size_t all = std::max<std::size_t>(config.threads, 1);
  return functions > 1 && all > 1 ? all - 1 : all;
}

}  // namespace

served_function::served_function(const function_descriptor& served, const dispatcher_config& config,
                                 std::size_t functions, std::span<const device_place> places)
    : descriptor(&served),
      signature(&served.signature()),
      max_queue(served.options.max_queue != 0 ? served.options.max_queue
                                              : config.bounds.queue_length),
      need(need_of(served)),
      servers(served.device == device_use::none ? std::max<std::size_t>(config.threads, 1)
                                                : most_running(served, config, functions, places)),
      line(most_running(served, config, functions, places)) {
  if (!uses_device()) return;
  if (const auto why = why_never(need, places)) {
    obstacle = !why->empty()                         ? "no device can serve it: " + *why
               : need.what == device_need::kind::gpu ? config.no_gpu
                                                     : config.no_host_device;
    return;
  }
  if (!served.sends_to_device_only) return;
  // What else is in a body: its table, and small arguments.
  constexpr std::size_t beside = 64 << 10;
  most_arguments = 0;
  for (const device_place& each : places)
    if (can_serve(need, each))
      most_arguments = std::max(most_arguments, std::min(each.memory, SIZE_MAX - beside) + beside);
}

std::vector<device_place> find_places(const dispatcher_config& config) {
  std::vector<device_place> found;
  for (const auto& each : config.devices) {
    const device_info& info = each->which().info();
    found.push_back({.what = info.what == device_info::kind::cuda ? device_need::kind::gpu
                                                                  : device_need::kind::host,
                     .name = each->name(),
                     .model = info.model.c_str(),
                     .capability = info.capability,
                     .memory = each->which().memory().limit,
                     .most_calls = config.calls_per_device});
  }
  return found;
}

}  // namespace modal::detail
