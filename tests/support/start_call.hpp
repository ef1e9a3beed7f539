// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/modal.hpp>

#include <future>

namespace test {

/// How a call is made: both ways must end the same.
enum class way { blocking, spawned };

/// Makes a call on a thread of its own.
template <class Remote, class... A>
auto start_call(way how, const Remote& function, const A&... arguments) {
  using result_type = modal::result<typename Remote::result_type>;
  return std::async(std::launch::async, [how, function, arguments...]() -> result_type {
    if (how == way::spawned) return function.spawn(arguments...).try_get();
    return function.try_call(arguments...);
  });
}

}  // namespace test
