// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// Calls with Asio completion tokens. The only public header that includes Asio.

#include <modal/base/insist.hpp>
#include <modal/modal.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <exception>
#include <new>
#include <optional>
#include <type_traits>

namespace modal {

namespace detail {

template <class Handler, class... Args>
inline constexpr bool is_callback_for = [] {
  if constexpr (std::is_invocable_v<Handler&, Args...>)
    return std::is_void_v<std::invoke_result_t<Handler&, Args...>>;
  else
    return false;
}();

/// What a call completes with. Callbacks are asked what they take; all else, which is what makes
/// coroutines and futures, gets the exception that a plain call would throw.
template <class R, class Token>
struct async_signature {
  using type = std::conditional_t<is_callback_for<Token, boost::system::error_code, R>,
                                  void(boost::system::error_code, R),
                                  std::conditional_t<is_callback_for<Token, result<R>>,
                                                     void(result<R>), void(std::exception_ptr, R)>>;
};
template <class Token>
struct async_signature<void, Token> {
  using type = std::conditional_t<is_callback_for<Token, boost::system::error_code>,
                                  void(boost::system::error_code),
                                  std::conditional_t<is_callback_for<Token, result<void>>,
                                                     void(result<void>), void(std::exception_ptr)>>;
};

inline std::exception_ptr to_exception(const error& reason) noexcept {
  try {
    throw_error(reason);
  } catch (...) {
    return std::current_exception();
  }
}

/// How an outcome is handed to a handler of each signature.
template <class Signature>
struct completion;
template <class R>
struct completion<void(result<R>)> {
  template <class Handler>
  static void run(Handler&& handler, result<R>&& value) {
    std::forward<Handler>(handler)(std::move(value));
  }
};
template <class R>
struct completion<void(boost::system::error_code, R)> {
  template <class Handler>
  static void run(Handler&& handler, result<R>&& value) {
    std::forward<Handler>(handler)(value ? boost::system::error_code{} : value.error().code(),
                                   value ? std::move(*value) : R{});
  }
};
template <>
struct completion<void(boost::system::error_code)> {
  template <class Handler>
  static void run(Handler&& handler, result<void>&& value) {
    std::forward<Handler>(handler)(value ? boost::system::error_code{} : value.error().code());
  }
};
template <class R>
struct completion<void(std::exception_ptr, R)> {
  template <class Handler>
  static void run(Handler&& handler, result<R>&& value) {
    std::forward<Handler>(handler)(value ? std::exception_ptr{} : to_exception(value.error()),
                                   value ? std::move(*value) : R{});
  }
};
template <>
struct completion<void(std::exception_ptr)> {
  template <class Handler>
  static void run(Handler&& handler, result<void>&& value) {
    std::forward<Handler>(handler)(value ? std::exception_ptr{} : to_exception(value.error()));
  }
};

/// Holds the handler and the arguments until the call is over. Owners: the client's call, and the
/// dispatched handler.
template <class R, class Signature, class Handler, class Stored>
class async_operation final
    : public answer_sink,
      public std::enable_shared_from_this<async_operation<R, Signature, Handler, Stored>> {
 public:
  template <class... A>
  explicit async_operation(Handler handler, diagnostics* details, decode_limits bounds,
                           A&&... arguments)
      : handler_(std::move(handler)),
        stored_(std::in_place, std::forward<A>(arguments)...),
        details_(details),
        bounds_(bounds),
        work_(boost::asio::get_associated_executor(handler_)) {}

  payload& arguments() noexcept { return stored_->arguments(); }

  void start(std::shared_ptr<pending_call> call) {
    // In this order: once the call has begun, the handler may be moved away on another thread.
    auto slot = boost::asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected())
      slot.assign([call](boost::asio::cancellation_type type) {
        if (type != boost::asio::cancellation_type::none) call->cancel();
      });
    call->begin();
  }

  void on_answer(result<incoming_answer> answer) noexcept override {
    // Until dispatch has returned: its last step, waking a thread, must find the context alive, and
    // the handler may run, and end the context's work, before it.
    const auto work = work_;
    answer_ = std::move(answer);
    // It may need memory, until it has begun to run the handler here.
    insist([&] {
      try {
        boost::asio::dispatch(work.get_executor(),
                              [self = this->shared_from_this()] { self->deliver(); });
      } catch (const std::bad_alloc&) {
        if (!is_delivered_) throw;
        std::terminate();  // the handler threw it, where the executor lets nobody catch that
      }
    });
  }

 private:
  void deliver() {
    is_delivered_ = true;
    const result<incoming_answer> answer = *std::exchange(answer_, std::nullopt);
    boost::asio::get_associated_cancellation_slot(handler_).clear();
    auto value = answer ? decode_result<R>(answer->body, bounds_) : result<R>(answer.error());
    if (details_ != nullptr) *details_ = value ? diagnostics{} : value.error().details();
    // Everything that the call held is released before the handler runs.
    stored_.reset();
    Handler handler = std::move(handler_);
    const auto work = std::move(work_);
    completion<Signature>::run(std::move(handler), std::move(value));
  }

  using executor_type = boost::asio::associated_executor_t<Handler>;

  Handler handler_;
  std::optional<Stored> stored_;
  diagnostics* details_;
  decode_limits bounds_;
  std::optional<result<incoming_answer>> answer_;
  bool is_delivered_ = false;
  boost::asio::executor_work_guard<executor_type> work_;
};

template <class Remote, class Arguments, std::size_t... I>
auto async_with_token(Remote function, Arguments arguments, std::index_sequence<I...>) {
  using result_type = typename Remote::answer_type;
  using token_type = std::tuple_element_t<sizeof...(I), Arguments>;
  using signature = typename async_signature<result_type, std::decay_t<token_type>>::type;
  if constexpr (boost::asio::completion_token_for<token_type, signature>) {
    return boost::asio::async_initiate<token_type, signature>(
        [](auto handler, Remote remote, auto... each) {
          using stored = typename Remote::template stored_call<decltype(each)...>;
          using operation = async_operation<result_type, signature, decltype(handler), stored>;
          client& where = remote.target_client();
          const auto made = remote.template make_after<operation>(
              std::move(handler), remote.options().details, where.bounds(), std::move(each)...);
          made->start(where.prepare(remote.outgoing(made->arguments(), call_id::random()), made));
        },
        std::get<sizeof...(I)>(arguments), std::move(function),
        typename stored_argument<std::tuple_element_t<I, Arguments>>::type(
            std::forward<std::tuple_element_t<I, Arguments>>(std::get<I>(arguments)))...);
  } else {
    static_assert(
        boost::asio::completion_token_for<token_type, signature>,
        "modal: the last argument must be a completion token, or a handler that takes "
        "(error_code, R), (result<R>) or (exception_ptr, R), without R where the function "
        "returns nothing");
  }
}

}  // namespace detail

/// Starts a call of `function`; completes when it is over.
/// @param arguments the function's arguments, then a completion token. Arguments are moved or
/// copied
///   into the operation; of views, the memory must live until the handler runs.
/// **Completion signature**: `void(std::exception_ptr, R)`, so that coroutines and futures throw
/// what a plain call throws; for callbacks `void(error_code, R)` or `void(result<R>)`, whichever
/// they take. Without R for a function without result. Of an error, R is default-constructed, and
/// `call_options::details` receives the text (ADR 0013).
/// **Errors**: of options that cannot work, throws `call_error` with `bad_configuration`.
/// **Cancellation**: terminal, partial and total: the executor is told, by closing the connection,
/// and the operation completes with `errc::cancelled` unless it was over already.
/// **Threads**: the handler runs on its associated executor, never inside of this function.
template <class Target, class... Leading, class... A>
auto async(const remote_function<Target, Leading...>& function, A&&... arguments) {
  static_assert(sizeof...(A) > 0, "modal: the last argument must be a completion token");
  if constexpr (sizeof...(A) > 0)
    return detail::async_with_token(function, std::forward_as_tuple(std::forward<A>(arguments)...),
                                    std::make_index_sequence<sizeof...(A) - 1>{});
}

/// The same for function `F` on the default client.
template <auto& F, class... A>
auto async(A&&... arguments) {
  return modal::async(remote<F>, std::forward<A>(arguments)...);
}

/// The same on `where`, which must outlive the operation.
template <auto& F, class... A>
auto async(client& where, A&&... arguments) {
  return modal::async(remote<F>.on(where), std::forward<A>(arguments)...);
}

}  // namespace modal
