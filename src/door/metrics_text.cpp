// SPDX-License-Identifier: Apache-2.0
#include "door/routes.hpp"

#include <cstdio>
#include <utility>

namespace modal::detail {
namespace {

// Function names hold no quotes or line ends (see catalog::add), so labels need no escapes.
class metrics_writer {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    out_.append(name).append(" ").append(type).append("\n");
  }
  void sample(std::string_view suffix, std::string_view labels, std::string_view value) {
    out_.append(name_).append(suffix);
    if (!labels.empty()) out_.append("{").append(labels).append("}");
    out_.append(" ").append(value).append("\n");
  }
  void sample(std::string_view labels, std::uint64_t value) {
    sample("", labels, std::to_string(value));
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::string_view name_;
};

std::string seconds(std::int64_t nanoseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(nanoseconds) * 1e-9);
  return text;
}

std::string function_label(const dispatcher_snapshot::function& each) {
  return "function=\"" + each.descriptor->name + '"';
}

void add_histogram(metrics_writer& out, const std::string& label, const duration_histogram& from) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < from.buckets.size(); ++i) {
    count += from.buckets[i];
    const std::string bound = i < from.bounds.size() ? seconds(from.bounds[i]) : "+Inf";
    out.sample("_bucket", label + ",le=\"" + bound + '"', std::to_string(count));
  }
  out.sample("_sum", label, seconds(from.sum_ns));
  out.sample("_count", label, std::to_string(count));
}

void add_calls(metrics_writer& out, const dispatcher_snapshot& now) {
  out.family("modal_calls_total", "counter", "Calls that ended, by function and outcome.");
  for (const auto& each : now.functions)
    for (std::size_t i = 0; i < each.metrics.calls.size(); ++i) {
      if (each.metrics.calls[i] == 0 && i != 0) continue;
      const auto outcome = i == 0 ? std::string_view("ok") : to_string(static_cast<errc>(i));
      out.sample(function_label(each) + ",outcome=\"" + std::string(outcome) + '"',
                 each.metrics.calls[i]);
    }
}

template <class Get>
void add_each(metrics_writer& out, const dispatcher_snapshot& now, std::string_view name,
              std::string_view type, std::string_view help, Get get) {
  out.family(name, type, help);
  for (const auto& each : now.functions) out.sample(function_label(each), get(each));
}

void add_devices(metrics_writer& out, const dispatcher_snapshot& now) {
  using device = dispatcher_snapshot::device;
  const auto add = [&](std::string_view name, std::string_view help, auto get) {
    if (now.devices.empty()) return;
    out.family(name, "gauge", help);
    for (const device& each : now.devices)
      out.sample("device=\"" + to_name(each.info) + '"', get(each));
  };
  add("modal_device_calls", "Calls that a device has.",
      [](const device& each) { return each.calls; });
  add("modal_device_failed", "1 where a device is lost until the process is started anew.",
      [](const device& each) { return each.has_failed ? 1U : 0U; });
  add("modal_device_memory_bytes", "Memory of a device for functions.",
      [](const device& each) { return each.memory.limit; });
  add("modal_device_memory_reserved_bytes", "Memory of a device that calls have asked for.",
      [](const device& each) { return each.reserved; });
  add("modal_device_memory_used_bytes", "Memory of a device that functions have.",
      [](const device& each) { return each.memory.used; });
  add("modal_device_memory_most_used_bytes", "The most that functions had at any time.",
      [](const device& each) { return each.memory.most_used; });
  // Of those that somebody can tell.
  const auto add_known = [&](std::string_view name, std::string_view help, auto get) {
    bool is_first = true;
    for (const device& each : now.devices) {
      const auto value = get(each.health);
      if (!value) continue;
      if (std::exchange(is_first, false)) out.family(name, "gauge", help);
      out.sample("device=\"" + to_name(each.info) + '"', *value);
    }
  };
  add_known("modal_device_busy_percent", "Time in which something ran on a device, for anybody.",
            [](const device_health& each) { return each.busy_percent; });
  add_known("modal_device_total_used_bytes", "Memory of a device that is in use, by anybody.",
            [](const device_health& each) { return each.memory_used; });
  add_known("modal_device_celsius", "How warm a device is.",
            [](const device_health& each) { return each.celsius; });
  add_known("modal_device_milliwatts", "The power that a device takes.",
            [](const device_health& each) { return each.milliwatts; });
}

void add_device_functions(metrics_writer& out, const dispatcher_snapshot& now) {
  using function = dispatcher_snapshot::function;
  std::vector<const function*> all;
  for (const function& each : now.functions)
    if (each.descriptor->device != device_use::none) all.push_back(&each);
  if (all.empty()) return;
  const auto add = [&](std::string_view name, std::string_view help, auto get) {
    out.family(name, "counter", help);
    for (const function* each : all) out.sample(function_label(*each), get(each->metrics));
  };
  add("modal_uploaded_bytes_total", "Bytes of arguments that went to devices.",
      [](const function_metrics& each) { return each.bytes_up; });
  add("modal_downloaded_bytes_total", "Bytes of results that came from devices.",
      [](const function_metrics& each) { return each.bytes_down; });
  add("modal_pageable_calls_total", "Calls for which no page-locked memory was left.",
      [](const function_metrics& each) { return each.pageable; });
  out.family("modal_device_memory_peak_bytes", "gauge", "The most that one call had on a device.");
  for (const function* each : all) out.sample(function_label(*each), each->metrics.memory_peak);
  out.family("modal_device_run_seconds", "histogram", "On a device, between the copies.");
  for (const function* each : all)
    add_histogram(out, function_label(*each), each->metrics.device_run);
}

void add_one(metrics_writer& out, std::string_view name, std::string_view type,
             std::string_view help, std::uint64_t value) {
  out.family(name, type, help);
  out.sample("", value);
}

}  // namespace

std::string metrics_text(const dispatcher_snapshot& now, std::size_t connections) {
  using function = dispatcher_snapshot::function;
  metrics_writer out;
  out.family("modal_info", "gauge", "The version of the library and the program's build id.");
  out.sample("version=\"" + std::string(library_version()) + "\",build_id=\"" + build_id() + '"',
             1);
  add_calls(out, now);
  add_one(out, "modal_unknown_function_calls_total", "counter",
          "Calls of functions that are not served.", now.unknown_functions);
  add_each(out, now, "modal_retries_total", "counter", "Runs that were repeated after a failure.",
           [](const function& each) { return each.metrics.retried; });
  add_each(out, now, "modal_calls_waiting", "gauge", "Calls that wait for their body or a worker.",
           [](const function& each) { return each.waiting; });
  add_each(out, now, "modal_calls_running", "gauge", "Calls that run.",
           [](const function& each) { return each.running; });
  add_each(out, now, "modal_received_bytes_total", "counter", "Bytes of call bodies.",
           [](const function& each) { return each.metrics.bytes_in; });
  add_each(out, now, "modal_sent_bytes_total", "counter", "Bytes of results.",
           [](const function& each) { return each.metrics.bytes_out; });
  out.family("modal_queue_seconds", "histogram", "Waiting for a worker.");
  for (const auto& each : now.functions)
    add_histogram(out, function_label(each), each.metrics.queue);
  out.family("modal_run_seconds", "histogram", "On a worker: decoding, running and encoding.");
  for (const auto& each : now.functions) add_histogram(out, function_label(each), each.metrics.run);
  add_device_functions(out, now);
  add_devices(out, now);
  add_one(out, "modal_bytes_in_flight", "gauge", "Bytes of call bodies that are held.",
          now.bytes_in_flight);
  add_one(out, "modal_connections", "gauge", "Open connections.", connections);
  add_one(out, "modal_draining", "gauge", "1 while the executor stops.", now.draining ? 1 : 0);
  return out.take();
}

}  // namespace modal::detail
