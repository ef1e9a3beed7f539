// SPDX-License-Identifier: Apache-2.0
#include <modal/client/client.hpp>
#include <modal/client/transport.hpp>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

namespace modal {
namespace detail {

time_point deadline_of(const call_options& options, const client_config& config, time_point begin) {
  return saturating_add(begin, options.timeout.count() > 0 ? options.timeout : config.timeout);
}

std::uint64_t jitter_seed(const call_id& id) noexcept {
  std::uint64_t seed;
  std::memcpy(&seed, id.bytes.data(), sizeof seed);
  return seed;
}

attempt_request make_attempt(const outgoing_call& outgoing, const call_fsm& machine,
                             time_point now) {
  attempt_request request{.head = {},
                          .own_signature = outgoing.signature->text,
                          .arguments = outgoing.arguments,
                          .deadline = machine.deadline()};
  request.head.function = outgoing.function;
  request.head.id = outgoing.id;
  request.head.signature = outgoing.signature->id;
  request.head.timeout = std::chrono::ceil<std::chrono::microseconds>(machine.deadline() - now);
  request.head.attempt = machine.attempt();
  request.head.traceparent = outgoing.options.traceparent;
  return request;
}

incoming_answer finish_answer(const outgoing_call& outgoing, const call_fsm& machine,
                              attempt_result&& last, time_point begin, time_point end) {
  incoming_answer answer{.body = std::move(last.body.value()), .report = {}};
  const auto& measured = last.report;
  auto& report = answer.report;
  report.id = outgoing.id;
  report.attempts = machine.attempt() + std::max(measured.attempts, 1) - 1;
  report.queue = measured.queue;
  report.decode = measured.decode;
  report.run = measured.run;
  report.encode = measured.encode;
  report.total = end - begin;
  const auto inside = report.queue + report.decode + report.run + report.encode;
  report.transfer = std::max(report.total - inside, std::chrono::nanoseconds{0});
  report.bytes_in = outgoing.arguments->wire_size();
  report.bytes_out = answer.body.size();
  if (outgoing.options.report != nullptr) *outgoing.options.report = report;
  return answer;
}

error finish_error(const outgoing_call& outgoing, error reason, const call_fsm& machine,
                   time_point begin, time_point end) {
  auto& details = reason.details();
  if (details.function.empty()) details.function = outgoing.function;
  if (details.call_id.empty()) details.call_id = outgoing.id.to_string();
  if (outgoing.options.report != nullptr) {
    *outgoing.options.report = {};
    outgoing.options.report->id = outgoing.id;
    outgoing.options.report->attempts = machine.attempt();
    outgoing.options.report->total = end - begin;
  }
  return reason;
}

buffer flatten(payload& arguments, buffer_pool& pool) {
  std::vector<bytes_view> parts;
  arguments.gather(parts);
  buffer body = pool.take(arguments.wire_size());
  std::byte* out = body.data();
  for (const auto part : parts) {
    std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
  return body;
}

result<incoming_answer> transport::call(const outgoing_call& outgoing) {
  using kind = call_fsm::action::kind;
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const time_point begin = now();
  call_fsm machine(outgoing.options, deadline_of(outgoing.options, config_, begin),
                   jitter_seed(outgoing.id));
  auto next = machine.start(begin);
  for (;;) {
    if (next.what == kind::wait) {
      std::this_thread::sleep_until(next.until);
      next = machine.on_wake(now());
    } else if (next.what == kind::send) {
      auto last = attempt(make_attempt(outgoing, machine, now()));
      if (last.body) return finish_answer(outgoing, machine, std::move(last), begin, now());
      next = machine.on_failure(last.body.error(), last.progress, now());
    } else {
      return finish_error(outgoing, std::move(next.reason), machine, begin, now());
    }
  }
}

call_canceller transport::start(const outgoing_call& outgoing, answer_handler done) {
  {
    const std::scoped_lock lock(driver_mutex_);
    if (!driver_) driver_ = make_driver();
  }
  return driver_->start(outgoing, std::chrono::steady_clock::now(), std::move(done));
}

void transport::stop_driver() { driver_.reset(); }

in_process_transport::in_process_transport(in_process_door& door, const client_config& config)
    : transport(config), door_(door) {}
in_process_transport::~in_process_transport() { stop_driver(); }

attempt_result in_process_transport::attempt(const attempt_request& request) {
  struct waiting {
    std::mutex mutex;  // guards answer
    std::condition_variable arrived;
    std::optional<in_process_answer> answer;
  };
  // Owners: this frame and the door's callback; neither knows who ends last.
  const auto shared = std::make_shared<waiting>();
  const auto cancel = door_.start(request.head, flatten(*request.arguments, pool_),
                                  [shared](in_process_answer answer) {
                                    const std::scoped_lock lock(shared->mutex);
                                    shared->answer = std::move(answer);
                                    shared->arrived.notify_one();
                                  });
  std::unique_lock lock(shared->mutex);
  // The executor keeps the deadline; the extra second is for an executor that is broken.
  const auto patience = saturating_add(request.deadline, std::chrono::seconds{1});
  const auto has_answer = [&] { return shared->answer.has_value(); };
  bool answered = true;
  if (patience == never)
    shared->arrived.wait(lock, has_answer);
  else
    answered = shared->arrived.wait_until(lock, patience, has_answer);
  if (!answered) {
    lock.unlock();
    if (cancel) cancel();
    return {.body = error(errc::deadline_exceeded), .progress = attempt_progress::sent};
  }
  return {.body = std::move(shared->answer->body),
          .report = shared->answer->report,
          .progress = attempt_progress::sent};
}

std::unique_ptr<async_driver> in_process_transport::make_driver() {
  return make_in_process_driver(door_, config_, pool_);
}

}  // namespace detail

client::client(std::unique_ptr<detail::transport> made) : transport_(std::move(made)) {}

client::client(std::string_view url, const client_config& config)
    : transport_(std::make_unique<detail::http_transport>(parse_url(url).value(), config)) {
  if (config.timeout.count() <= 0 || config.connect_timeout.count() <= 0)
    throw_error({errc::bad_configuration, "a client's timeouts must be positive"});
}

client client::in_process(const client_config& config) {
  auto* door = &modal_in_process_executor != nullptr ? modal_in_process_executor() : nullptr;
  if (door == nullptr)
    throw_error({errc::bad_configuration,
                 "no executor to call: set MODAL_URL, name a client with .on(client), or link "
                 "modal::executor to run functions in this process"});
  return client(std::make_unique<detail::in_process_transport>(*door, config));
}

client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;
client::~client() = default;

result<detail::incoming_answer> client::call(const detail::outgoing_call& outgoing) {
  return transport_->call(outgoing);
}

detail::call_canceller client::start(const detail::outgoing_call& outgoing,
                                     detail::answer_handler done) {
  return transport_->start(outgoing, std::move(done));
}

client& default_client() {
  static client chosen = [] {
    // Read once, before anybody could be writing to the environment.
    const char* url = std::getenv("MODAL_URL");  // NOLINT(concurrency-mt-unsafe)
    return url != nullptr && *url != '\0' ? client(url) : client::in_process();
  }();
  return chosen;
}

}  // namespace modal
