// SPDX-License-Identifier: Apache-2.0
#include <modal/client/client.hpp>
#include <modal/client/transport.hpp>

#include <cstdlib>

namespace modal {

client::client(std::unique_ptr<detail::transport> made) : transport_(std::move(made)) {}

client::client(std::string_view url, const client_config& config)
    : transport_(std::make_unique<detail::http_transport>(parse_url(url).value(), config)) {
  if (config.timeout.count() <= 0 || config.connect_timeout.count() <= 0)
    throw_error({errc::bad_configuration, "a client's timeouts must be positive"});
  const client_limits& bounds = config.limits;
  if (bounds.header_bytes < 1024 || bounds.body_bytes == 0 || bounds.transfer_timeout.count() <= 0)
    throw_error({errc::bad_configuration,
                 "client_config::limits: header_bytes must be at least 1 KiB, body_bytes and "
                 "transfer_timeout more than zero"});
}

client client::in_process(const client_config& config) {
  auto* door = &modal_in_process_executor != nullptr ? modal_in_process_executor() : nullptr;
  if (door == nullptr)
    throw_error({errc::bad_configuration,
                 "no executor to call: set MODAL_URL, name a client with .on(client), or link "
                 "modal::executor (without CMake, all that `pkg-config --libs modal-executor` "
                 "prints) to run functions in this process"});
  return of(*door, config);
}

client client::of(detail::in_process_door& door, const client_config& config) {
  return client(std::make_unique<detail::in_process_transport>(door, config));
}

client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;
client::~client() = default;

result<detail::incoming_answer> client::call(const detail::outgoing_call& outgoing) {
  return transport_->call(outgoing);
}

std::shared_ptr<detail::pending_call> client::prepare(const detail::outgoing_call& outgoing,
                                                      std::shared_ptr<detail::answer_sink> sink) {
  return transport_->prepare(outgoing, std::move(sink));
}

const decode_limits& client::bounds() const noexcept { return transport_->config().limits.decode; }

client& default_client() {
  static client chosen = [] {
    // Read once, before anybody could be writing to the environment.
    const char* url = std::getenv("MODAL_URL");  // NOLINT(concurrency-mt-unsafe)
    return url != nullptr && *url != '\0' ? client(url) : client::in_process();
  }();
  return chosen;
}

}  // namespace modal
