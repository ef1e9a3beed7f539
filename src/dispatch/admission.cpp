// SPDX-License-Identifier: Apache-2.0
#include "dispatch/dispatcher_core.hpp"

#include <algorithm>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

std::string unknown_message(const catalog& functions, const std::string& name) {
  if (functions.size() == 0)
    return "'" + name +
           "' is not served: this executor has no functions at all; were they in a "
           "static library whose registrations the linker dropped? (executor.add<f>() keeps them)";
  const std::string_view near = functions.nearest(name);
  std::string text = "'" + name + "' is not served here";
  if (!near.empty()) text += "; the nearest is '" + std::string(near) + "'";
  if (name.find("__") != std::string::npos || name.find('(') != std::string::npos ||
      near.find("__") != std::string_view::npos || near.find('(') != std::string_view::npos)
    text +=
        "; compilers print inline and unnamed name spaces differently: name such functions "
        "with MODAL_FUNCTION_AS and modal::remote_as";
  return text;
}

}  // namespace

std::size_t dispatcher_core::body_limit(encoding how) const noexcept {
  const std::size_t all = config.bounds.body_bytes;
  return how == encoding::json ? std::min(config.bounds.json_body_bytes, all) : all;
}

time_point dispatcher_core::deadline_of(const call_head& head, const served_function& target,
                                        time_point now) const {
  nanoseconds longest = saturated(config.bounds.call_timeout);
  if (target.descriptor->options.timeout.count() > 0)
    longest = std::min(longest, saturated(target.descriptor->options.timeout));
  // Compared in microseconds: the caller's number need not fit into nanoseconds.
  if (head.timeout.count() > 0 &&
      head.timeout < std::chrono::duration_cast<std::chrono::microseconds>(longest))
    longest = head.timeout;
  return saturating_add(now, longest);
}

// How long until what waits of this function is done, by the times that it took so far.
std::chrono::milliseconds dispatcher_core::retry_after_locked(const served_function* target) const {
  nanoseconds wait = std::chrono::seconds{1};
  if (!draining && target != nullptr)
    wait = target->line.expected_work() / static_cast<nanoseconds::rep>(target->servers);
  return std::clamp(std::chrono::ceil<milliseconds>(wait), milliseconds{50}, milliseconds{30'000});
}

error dispatcher_core::make_refusal(errc what, std::string message, const call_head& head,
                                    const served_function* target) const {
  error reason(what, std::move(message));
  reason.details().function = target != nullptr ? target->descriptor->name : head.function;
  if (!head.id.is_nil()) reason.details().call_id = head.id.to_string();
  if (to_condition(what) == condition::retry_later)
    reason.details().retry_after = retry_after_locked(target);
  return reason;
}

std::optional<error> dispatcher_core::mismatch(const call_head& head, encoding how,
                                               std::optional<std::size_t> body_size,
                                               const served_function* target) const {
  const auto refuse = [&](errc what, std::string message) {
    error reason(what, std::move(message));
    reason.details().function = target != nullptr ? target->descriptor->name : head.function;
    if (!head.id.is_nil()) reason.details().call_id = head.id.to_string();
    return reason;
  };
  if (target == nullptr)
    return refuse(errc::unknown_function, unknown_message(functions_, head.function));
  if (head.signature.is_nil() && how == encoding::binary)
    return refuse(errc::malformed_request, "a binary call needs the field modal-signature");
  if (!target->obstacle.empty()) return refuse(errc::no_device, target->obstacle);
  if (!head.signature.is_nil() && head.signature != target->signature->id) {
    // The caller, who knows its own text, shows the difference.
    error reason =
        refuse(errc::signature_mismatch, "the executor's function is " + target->signature->text);
    reason.details().signature = target->signature->text;
    return reason;
  }
  if (head.depth > deepest_call)
    return refuse(errc::too_large, "calls are nested deeper than " + std::to_string(deepest_call) +
                                       ": does a function call itself without an end?");
  if (body_size) {
    const std::size_t most = std::min(body_limit(how), config.bounds.bytes_in_flight);
    if (*body_size > most)
      return refuse(errc::too_large, "the body has " + std::to_string(*body_size) +
                                         " bytes, the limit is " + std::to_string(most));
    if (how == encoding::binary && *body_size > target->most_arguments)
      return refuse(errc::too_large, "the arguments have " + std::to_string(*body_size) +
                                         " bytes, which no device has that serves the function");
  }
  return std::nullopt;
}

std::optional<error> dispatcher_core::refusal_locked(const call_head& head, std::size_t charged_now,
                                                     const served_function& target,
                                                     time_point now) const {
  const auto refuse = [&](errc what, std::string message) MODAL_REQUIRES(mutex) {
    return make_refusal(what, std::move(message), head, &target);
  };
  if (draining) return refuse(errc::draining, "this executor takes no new calls");
  if (!memory.has_room(charged_now))
    return refuse(errc::queue_full, "the bodies of other calls fill limits.bytes_in_flight");
  const nanoseconds left = deadline_of(head, target, now) - now;
  // Only where it is hopeless: the expected wait is an estimate, and a wrong refusal costs a call.
  // What other functions have waiting says nothing: each is served in its turn.
  if (target.line.expected_work() / static_cast<nanoseconds::rep>(target.servers) / 2 > left)
    return refuse(errc::deadline_exceeded,
                  "the calls of this function that wait already would take longer than the "
                  "time that is left");
  const std::size_t taken = std::min(config.threads, running);
  const std::size_t idle =
      target.is_blocked ? 0 : std::min(config.threads - taken, target.line.room());
  if (target.waiting >= target.max_queue && target.waiting - target.max_queue >= idle)
    return refuse(errc::queue_full, std::to_string(target.waiting) +
                                        " calls of this function wait for a worker already");
  return std::nullopt;
}

std::optional<error> dispatcher_core::refusal(const call_head& head, encoding how,
                                              std::optional<std::size_t> body_size) const {
  const served_function* const target = find(head.function);
  {
    const mutex_lock lock(mutex);
    if (draining)
      return make_refusal(errc::draining, "this executor takes no new calls", head, target);
  }
  if (auto reason = mismatch(head, how, body_size, target)) return reason;
  const mutex_lock lock(mutex);
  if (head.repeats && repeats.knows(head.id)) return std::nullopt;
  return refusal_locked(head, body_size.value_or(0), *target, config.time->now());
}

result<ticket> dispatcher_core::admit(call_head head, encoding how,
                                      std::optional<std::size_t> body_size, body_state body,
                                      principal_ptr caller, served_function* known) {
  const time_point now = config.time->now();
  served_function* const target = known != nullptr ? known : find(head.function);
  // What a peer can make long, such as the search for a similar name, is done without the lock.
  auto reason = mismatch(head, how, body_size, target);
  const std::size_t charged_now =
      body == body_state::complete ? body_size.value_or(0) : std::size_t{0};
  call_ptr made;
  if (!reason) {
    made = new call;
    made->line = &target->line;
    made->target = target;
    made->encoding = how;
    made->body_size = body_size.value_or(0);
    made->caller = std::move(caller);
    if (body == body_state::complete) made->complete_at = now;
    made->is_named = !head.id.is_nil();
    made->head.id = made->is_named ? head.id : call_id::random();  // may need memory
  }
  {
    const mutex_lock lock(mutex);
    if (draining)
      reason = make_refusal(errc::draining, "this executor takes no new calls", head, target);
    else if (!reason && !asks_again_locked(head, now))
      reason = refusal_locked(head, charged_now, *target, now);
    if (reason) {
      ++refused;
      if (target != nullptr)
        target->metrics.count(reason->value());
      else
        ++unknown_functions;
      return *std::move(reason);
    }
    memory.charge(made->memory, charged_now);
    if (body == body_state::arriving) memory.begin_arrival(made->memory);
    transition_locked(*made, call::phase::admitted);
    ++undelivered;
    ++admitted;
  }
  // From here on nothing fails.
  head.id = made->head.id;
  made->head = std::move(head);
  made->deadline = deadline_of(made->head, *target, now);
  return ticket(this, std::move(made));
}

result<bool> dispatcher_core::request_memory(call& held, std::size_t total,
                                             std::function<void()> resume) {
  const std::size_t most = std::min(body_limit(held.encoding), config.bounds.bytes_in_flight);
  const mutex_lock lock(mutex);
  if (total <= most) return memory.request(held.memory, total, std::move(resume));
  return make_refusal(errc::too_large,
                      "the body has more than " + std::to_string(most) + " bytes, the limit",
                      held.head, held.target);
}

void dispatcher_core::withdraw(call& admitted_call, errc why) noexcept {
  const error reason(why);
  wake_up wake;
  {
    const mutex_lock lock(mutex);
    retire_locked(admitted_call);
    claim_locked(admitted_call);
    count_locked(admitted_call, &reason);
    if (has_work_locked()) pick_worker_locked(wake);
  }
  carry_out(wake);
  note_delivered();
}

}  // namespace modal::detail
