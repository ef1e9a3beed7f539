// SPDX-License-Identifier: Apache-2.0
#include "door/routes.hpp"

#include <modal/base/ids.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace modal::detail {
namespace {

using json = nlohmann::ordered_json;

nlohmann::ordered_json limits_of(const limits& bounds) {
  return {{"header_bytes", bounds.header_bytes},
          {"body_bytes", bounds.body_bytes},
          {"json_body_bytes", bounds.json_body_bytes},
          {"segments", bounds.decode.segments},
          {"call_timeout_ms", bounds.call_timeout.count()}};
}

// RFC 9110 13.1.2: weak comparison, any of a list.
bool matches_etag(std::string_view list, std::string_view etag) {
  return list == "*" || (!list.empty() && list.find(etag) != std::string_view::npos);
}

}  // namespace

routes::routes(dispatcher& calls, std::function<std::size_t()> connections)
    : calls_(calls), connections_(std::move(connections)) {}

route routes::find(std::string_view path) noexcept {
  if (path == "/v1/functions") return route::functions;
  if (path == "/v1/devices") return route::devices;
  if (path == "/openapi.json") return route::openapi;
  if (path == "/healthz") return route::healthz;
  if (path == "/readyz") return route::readyz;
  if (path == "/metrics") return route::metrics;
  return route::none;
}

void routes::write(route which, const incoming_request& request, reply& out) {
  const request_head& head = request.head;
  out.clear();
  switch (which) {
    case route::functions:
      return write_document(
          functions_, [this] { return functions_text(); }, head, out);
    case route::openapi:
      return write_document(
          openapi_, [this] { return openapi_text(calls_.functions()); }, head, out);
    case route::devices:
      out.content_type = json_media_type;
      out.body = devices_text(look());
      break;
    case route::healthz:
      out.content_type = "text/plain";
      out.body = "ok\n";
      break;
    case route::readyz:
      out.content_type = "text/plain";
      out.body = ready_text(calls_.snapshot());
      if (calls_.draining()) {
        out.status = 503;
        out.body = "draining\n";
        out.fields = "retry-after: 1\r\n";
      }
      break;
    case route::metrics:
      out.content_type = "text/plain; version=0.0.4";
      out.body = metrics_text(look(), connections_ ? connections_() : 0);
      break;
    case route::none:
      break;
  }
  out.fields += "cache-control: no-store\r\n";
}

dispatcher_snapshot routes::look() const {
  auto now = calls_.snapshot();
  calls_.look_at_devices(now);
  return now;
}

void routes::write_document(document& which, const std::function<std::string()>& make,
                            const request_head& head, reply& out) {
  std::call_once(which.made, [&] {
    which.text = make();
    which.etag = '"' + id128::from_name(which.text).to_string() + '"';
  });
  out.fields.append("etag: ").append(which.etag).append("\r\ncache-control: no-cache\r\n");
  if (matches_etag(find_field(head.fields, "if-none-match"), which.etag)) {
    out.status = 304;
    return;
  }
  out.content_type = json_media_type;
  out.body = which.text;
}

// What does not need the device that has failed goes on.
std::string ready_text(const dispatcher_snapshot& now) {
  std::string failed;
  for (const auto& each : now.devices)
    if (each.has_failed) failed += (failed.empty() ? "" : ", ") + to_name(each.info);
  return failed.empty() ? "ready\n" : "degraded: " + failed + " has failed\n";
}

std::string devices_text(const dispatcher_snapshot& now) {
  json listed = json::array();
  for (const auto& each : now.devices) {
    json one = {{"name", to_name(each.info)},
                {"model", each.info.model},
                {"memory_bytes", each.memory.limit},
                {"used_bytes", each.memory.used},
                {"most_used_bytes", each.memory.most_used},
                {"reserved_bytes", each.reserved},
                {"calls", each.calls},
                {"has_failed", each.has_failed}};
    if (!each.info.id.empty()) one["id"] = each.info.id;
    if (each.info.capability != 0) one["capability"] = each.info.capability;
    if (each.info.numa_node >= 0) one["numa_node"] = each.info.numa_node;
    if (each.info.nvlinks != 0) one["nvlinks"] = each.info.nvlinks;
    if (each.info.cuda != 0)
      one["cuda"] =
          std::to_string(each.info.cuda / 1000) + '.' + std::to_string(each.info.cuda % 1000 / 10);
    if (!each.info.driver.empty()) one["driver"] = each.info.driver;
    const device_health& health = each.health;
    if (health.busy_percent) one["busy_percent"] = *health.busy_percent;
    if (health.memory_used) one["total_used_bytes"] = *health.memory_used;
    if (health.celsius) one["celsius"] = *health.celsius;
    if (health.milliwatts) one["watts"] = *health.milliwatts / 1000.0;
    listed.push_back(std::move(one));
  }
  return json{{"devices", std::move(listed)}}.dump(2, ' ', false, json::error_handler_t::replace) +
         '\n';
}

std::string routes::functions_text() const {
  json listed = json::array();
  for (const auto& [name, each] : calls_.functions()) {
    const function_signature& signature = each.signature();
    listed.push_back({{"name", name},
                      {"path", call_path(name)},
                      {"signature", signature.text},
                      {"signature_id", signature.id.to_string()},
                      {"description", each.options.description},
                      {"options",
                       {{"timeout_ms", each.options.timeout.count()},
                        {"retries", each.options.retries},
                        {"retry_delay_ms", each.options.retry_delay.count()},
                        {"max_queue", each.options.max_queue},
                        {"max_concurrent", each.options.max_concurrent},
                        {"run", each.options.run == run_on::io ? "io" : "worker"},
                        {"linger", each.options.linger}}}});
  }
  const json all = {
      {"modal",
       {{"version", library_version()}, {"protocol", protocol_version}, {"build_id", build_id()}}},
      {"limits", limits_of(calls_.bounds())},
      {"functions", std::move(listed)}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace modal::detail
