// SPDX-License-Identifier: Apache-2.0
#include "integration/functions.hpp"

#include <modal/modal.hpp>

#include <condition_variable>
#include <mutex>
#include <numeric>

namespace served {

std::vector<float> scaler::operator()(std::span<const float> values) const {
  std::vector<float> scaled(values.begin(), values.end());
  for (float& value : scaled) value *= factor;
  return scaled;
}

int add(int a, int b) { return a + b; }

person birthday(person who) {
  who.age = who.age.value_or(0) + 1;
  return who;
}

std::map<std::string, colour> invert(const std::map<std::string, colour>& colours) {
  auto inverted = colours;
  for (auto& [name, each] : inverted) each = each == colour::red ? colour::green : colour::red;
  return inverted;
}

std::variant<int, std::string> first_word(std::string_view text) {
  if (text.empty()) return 0;
  return std::string(text.substr(0, text.find(' ')));
}

double sum(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

std::vector<float> ramp(std::uint64_t size) {
  std::vector<float> values(size);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

void nothing() {}

int nest(int depth) { return depth == 0 ? 0 : 1 + modal::remote<nest>(depth - 1); }

int nest_spawned(int depth) {
  return depth == 0 ? 0 : 1 + modal::remote<nest_spawned>.spawn(depth - 1).get();
}

int nest_at(const std::string& url, int depth) {
  if (depth == 0) return 0;
  modal::client to(url);
  return 1 + modal::remote<nest_at>.on(to)(url, depth - 1);
}

int throw_overdrawn(int amount) { throw overdrawn("overdrawn by " + std::to_string(amount)); }

int throw_seven() { throw 7; }

int fail_until(int attempt) {
  if (modal::this_call().attempt() < attempt) throw std::runtime_error("not yet");
  return modal::this_call().attempt();
}

std::string call_facts() {
  const auto& call = modal::this_call();
  return call.id().to_string() + " " + std::string(call.function()) + " " +
         std::string(call.traceparent()) + " " +
         (call.deadline() == modal::never ? "endless" : "bounded");
}

bool hold() {
  entered.release();
  std::stop_callback wake(modal::this_call().stop_token(), [] { released.release(); });
  released.acquire();
  const bool asked = modal::this_call().stop_token().stop_requested();
  if (asked) stopped.release();
  return asked;
}

void hold_stubbornly() {
  entered.release();
  released.acquire();
}

namespace {

void note(const modal::result<bool>& ended) {
  relayed.failure = ended ? modal::error() : ended.error();
  relayed.was_stopped = ended && *ended;
  relayed.is_over.release();
}

}  // namespace

void hold_at(const std::string& url, calling how) {
  const bool is_http = how == calling::blocking_by_http || how == calling::spawned_by_http;
  modal::client there =
      url.empty() ? modal::client::in_process() : modal::client(url, {.session = !is_http});
  const auto remote = modal::remote<hold>.on(there);
  const bool is_blocking = how == calling::blocking || how == calling::blocking_by_http;
  note(is_blocking ? remote.try_call() : remote.spawn().try_get());
}

void knock_at(const std::string& url) {
  modal::client there(url);
  entered.release();
  note(modal::remote<hold>.on(there)
           .with({.retries = 1'000'000, .retry_delay = std::chrono::minutes(1)})
           .try_call());
}

void call_too_late(const std::string& url) {
  modal::client there(url);
  hold();
  note(modal::remote<hold>.on(there).try_call());
}

void hold_on() { note(hold()); }

void leave_running(const std::string& url) {
  kept_client.emplace(url);
  left_running.emplace(modal::remote<hold>.on(*kept_client).spawn());
}

}  // namespace served

MODAL_EXCEPTION(served::overdrawn)

MODAL_FUNCTION(served::scaler)
MODAL_FUNCTION(served::add, .description = "Adds two numbers")
MODAL_FUNCTION(served::birthday)
MODAL_FUNCTION(served::invert)
MODAL_FUNCTION(served::first_word)
MODAL_FUNCTION(served::sum)
MODAL_FUNCTION(served::ramp)
MODAL_FUNCTION(served::nothing)
MODAL_FUNCTION(served::throw_overdrawn)
MODAL_FUNCTION(served::throw_seven)
MODAL_FUNCTION(served::fail_until, .retries = 2, .retry_delay = 1ms)
MODAL_FUNCTION(served::call_facts)
MODAL_FUNCTION(served::hold, .max_queue = 2, .max_concurrent = 2)
MODAL_FUNCTION(served::hold_stubbornly)
MODAL_FUNCTION_AS("team.add.v2", served::add)
MODAL_FUNCTION(served::nest)
MODAL_FUNCTION(served::nest_at)
MODAL_FUNCTION(served::nest_spawned)
MODAL_FUNCTION(served::hold_at)
MODAL_FUNCTION(served::knock_at)
MODAL_FUNCTION(served::call_too_late)
MODAL_FUNCTION(served::leave_running)
MODAL_FUNCTION(served::hold_on, .linger = true)
