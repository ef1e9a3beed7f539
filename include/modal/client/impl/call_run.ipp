// SPDX-License-Identifier: Apache-2.0
#include <modal/client/call_run.hpp>
#include <modal/function/context.hpp>

#include <algorithm>
#include <cstring>

namespace modal::detail {
namespace {

// A function that makes a call waits no longer for it than its own caller does for the function.
time_point deadline_of(const call_options& options, const client_config& config, time_point begin) {
  return std::min(saturating_add(begin, options.timeout.value_or(config.timeout)),
                  this_call().deadline());
}

std::uint64_t jitter_seed(const call_id& id) noexcept {
  std::uint64_t seed;
  std::memcpy(&seed, id.bytes.data(), sizeof seed);
  return seed;
}

}  // namespace

call_run::call_run(const outgoing_call& outgoing, const client_config& config, time_point begin)
    : outgoing_(outgoing),
      begin_(begin),
      parent_(this_call().id()),
      depth_(parent_.is_nil() ? 0 : this_call().depth() + 1),
      inherited_trace_(outgoing.options.traceparent.empty() ? this_call().traceparent()
                                                            : std::string_view()),
      machine_(outgoing.options, deadline_of(outgoing.options, config, begin),
               jitter_seed(outgoing.id)) {}

attempt_request call_run::make_request(time_point now) const {
  attempt_request request{.head = {},
                          .own_signature = outgoing_.signature->text,
                          .arguments = outgoing_.arguments,
                          .deadline = machine_.deadline()};
  request.head.function = outgoing_.function;
  request.head.id = outgoing_.id;
  request.head.signature = outgoing_.signature->id;
  // Never zero, which would mean that there is no limit.
  // And none beyond what the protocol knows: an executor refuses those.
  constexpr std::chrono::microseconds longest = std::chrono::hours(366 * 24);
  constexpr int most_attempts = 1000;
  request.head.timeout =
      std::clamp(std::chrono::ceil<std::chrono::microseconds>(machine_.deadline() - now),
                 std::chrono::microseconds{1}, longest);
  request.head.attempt = std::min(machine_.attempt(), most_attempts);
  request.head.parent = parent_;
  request.head.depth = depth_;
  request.head.repeats = outgoing_.options.lost == on_lost::repeat;
  request.head.traceparent =
      inherited_trace_.empty() ? outgoing_.options.traceparent : std::string_view(inherited_trace_);
  return request;
}

incoming_answer call_run::finish(attempt_result&& last, time_point now) {
  incoming_answer answer{.body = std::move(last.body.value()), .report = {}};
  const auto& measured = last.report;
  auto& report = answer.report;
  report.id = outgoing_.id;
  report.attempts = machine_.attempt() + std::max(measured.attempts, 1) - 1;
  report.queue = measured.queue;
  report.decode = measured.decode;
  report.run = measured.run;
  report.encode = measured.encode;
  report.device = measured.device;
  report.path = last.path;
  report.total = now - begin_;
  const auto inside = report.queue + report.decode + report.run + report.encode;
  report.transfer = std::max(report.total - inside, std::chrono::nanoseconds{0});
  report.bytes_in = outgoing_.arguments->wire_size();
  report.bytes_out = answer.body.size();
  if (outgoing_.options.report != nullptr) *outgoing_.options.report = report;
  return answer;
}

error call_run::finish(error reason, time_point now) {
  auto& details = reason.details();
  if (details.function.empty()) details.function = outgoing_.function;
  if (details.call_id.empty()) details.call_id = outgoing_.id.to_string();
  if (outgoing_.options.report != nullptr) {
    *outgoing_.options.report = {};
    outgoing_.options.report->id = outgoing_.id;
    outgoing_.options.report->attempts = machine_.attempt();
    outgoing_.options.report->total = now - begin_;
  }
  return reason;
}

}  // namespace modal::detail
