// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/client.hpp>
#include <modal/client/remote.hpp>
#include <modal/function/callable.hpp>
#include <modal/function/in_process.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/output_archive.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace modal::testing {

/// How an answer of a `fake_executor` comes.
struct script {
  /// How long the call takes before it is answered.
  std::chrono::milliseconds delay{0};
  /// For how many attempts this holds; then the next script of the function follows. Zero: for
  /// ever.
  std::size_t times = 0;
};

/// An executor for tests: in this process, without functions. Each function is answered by scripts,
/// in the order in which they were given. Arguments and results are written and read as they would
/// be on the way to an executor, and the rules of calls hold: deadlines, retries, cancellation.
///
///     modal::testing::fake_executor fake;
///     fake.fail<filters::blur>(modal::errc::queue_full, "busy", {.times = 1});
///     fake.on<filters::blur>([](auto pixels, float) { return pixels; });
///     modal::client client = fake.client();
///     CHECK(modal::remote<filters::blur>.on(client)(pixels, 2.f) == pixels);
///     CHECK(fake.attempts<filters::blur>() == 2);
///
/// A function without a script is answered with `unknown_function`. **Lifetime**: no
/// call begins after it has gone. **Thread safety**: safe to share. Answers are made on one thread
/// of its own.
class fake_executor {
 public:
  fake_executor();
  /// Answers what still waits with `connection_lost`.
  ~fake_executor();
  fake_executor(const fake_executor&) = delete;
  fake_executor& operator=(const fake_executor&) = delete;

  /// Returns a client whose calls come here.
  [[nodiscard]] modal::client client(const client_config& config = {});

  /// Answers calls of `F` with what `answer` returns for its arguments. What it throws is what the
  /// function throws: `function_failed`, or of a `call_error` its own reason.
  template <auto& F, class Answer>
  fake_executor& on(Answer answer, const script& how = {}) {
    using target = detail::function_target<F>;
    return on_as<F>(detail::portable_name<target>(), std::move(answer), how);
  }
  /// The same for calls by `modal::remote_as<F>(name)`.
  template <auto& F, class Answer>
  fake_executor& on_as(std::string_view name, Answer answer, const script& how = {}) {
    add(name, how,
        [answer = std::move(answer)](const payload_view& arguments, payload& result) mutable {
          reply<detail::function_target<F>>(answer, arguments, result);
        });
    return *this;
  }

  /// Answers calls of `F` with an error.
  template <auto& F>
  fake_executor& fail(error reason, const script& how = {}) {
    return fail_as(detail::portable_name<detail::function_target<F>>(), std::move(reason), how);
  }
  template <auto& F>
  fake_executor& fail(errc what, std::string message, const script& how = {}) {
    return fail<F>(error(what, std::move(message)), how);
  }
  fake_executor& fail_as(std::string_view name, error reason, const script& how = {});

  /// Returns how many attempts of calls of `F` have come.
  template <auto& F>
  [[nodiscard]] std::size_t attempts() const {
    return attempts_as(detail::portable_name<detail::function_target<F>>());
  }
  [[nodiscard]] std::size_t attempts_as(std::string_view name) const;

 private:
  using responder = std::function<void(const payload_view& arguments, payload& result)>;

  template <class Target, class Answer>
  static void reply(Answer& answer, const payload_view& arguments, payload& result) {
    using traits = detail::target_traits<Target>;
    auto sent = traits::make_sent();
    const decode_limits bounds;
    input_archive archive(arguments, bounds);
    std::apply([&archive](auto&... each) { archive(each...); }, sent);
    archive.finish();
    if constexpr (std::is_void_v<typename traits::answer>) {
      std::apply(answer, std::move(sent));
    } else {
      auto owner =
          std::make_shared<const typename traits::answer>(std::apply(answer, std::move(sent)));
      output_archive{result}(*owner);
      result.keep(owner);
    }
  }

  void add(std::string_view name, const script& how, responder respond);

  class door;
  std::unique_ptr<door> door_;
};

}  // namespace modal::testing
