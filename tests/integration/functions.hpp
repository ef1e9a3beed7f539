// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function.hpp>
#include <modal/modal.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <semaphore>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Functions that the integration tests call. Client and executor are in one process here, so that
/// a test can hold a running function by a semaphore instead of by time.
namespace served {

struct point {
  int x = 0;
  double y = 0;
  bool operator==(const point&) const = default;
};

struct person {
  std::string name;
  std::optional<int> age;
  std::vector<point> path;
  bool operator==(const person&) const = default;
};
MODAL_FIELDS(person, name, age, path)

enum class colour { red, green };
MODAL_ENUM(colour, red, green)

struct scaler {
  float factor = 1;
  std::vector<float> operator()(std::span<const float> values) const;
};

struct overdrawn : std::runtime_error {
  using runtime_error::runtime_error;
};

int add(int a, int b);
person birthday(person who);
std::map<std::string, colour> invert(const std::map<std::string, colour>& colours);
std::variant<int, std::string> first_word(std::string_view text);
double sum(std::span<const float> values);
std::vector<float> ramp(std::uint64_t size);
void nothing();
int throw_overdrawn(int amount);
int throw_seven();
/// Call themselves `depth` times, each call from inside the one before; return `depth`.
int nest(int depth);
int nest_at(const std::string& url, int depth);
int nest_spawned(int depth);
int fail_until(int attempt);
std::string call_facts();

/// Tells that it runs by `entered`, then waits for `released` or for its stop token. Returns
/// whether it was asked to stop.
bool hold();
/// As `hold`, but ignores its stop token.
void hold_stubbornly();
inline std::counting_semaphore<1024> entered{0};
inline std::counting_semaphore<1024> released{0};
inline std::counting_semaphore<1024> stopped{0};

/// How a function calls another one.
enum class calling { blocking, spawned, blocking_by_http, spawned_by_http };
MODAL_ENUM(calling, blocking, spawned, blocking_by_http, spawned_by_http)
/// Call `hold` at `url`, or in their own process where that is empty, and tell what came of it by
/// `relayed`.
void hold_at(const std::string& url, calling how);
/// Tells that it runs, and calls an executor that is not there, again and again.
void knock_at(const std::string& url);
/// Runs until it is asked to stop, and makes a call then.
void call_too_late(const std::string& url);
/// As `hold`, and goes on without its caller; tells whether it was asked to stop by `relayed`.
void hold_on();
/// Starts `hold` at `url`, and does not wait for it.
void leave_running(const std::string& url);
struct relay {
  std::binary_semaphore is_over{0};
  modal::error failure;
  bool was_stopped = false;
};
inline relay relayed;
inline std::optional<modal::client> kept_client;
inline std::optional<modal::call_handle<bool>> left_running;

int never_registered(int);

}  // namespace served
