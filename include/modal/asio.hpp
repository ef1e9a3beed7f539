// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// Calls with Asio completion tokens. The only public header that includes Asio.

#include <modal/modal.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>

namespace modal {

namespace detail {

template <class R>
struct async_signature {
  using type = void(boost::system::error_code, R);
};
template <>
struct async_signature<void> {
  using type = void(boost::system::error_code);
};

/// Holds the handler until the call is over. Owners: the client's call, and the dispatched handler.
template <class R, class Handler>
class async_operation : public std::enable_shared_from_this<async_operation<R, Handler>> {
 public:
  async_operation(Handler handler, std::shared_ptr<void> arguments, diagnostics* details)
      : handler_(std::move(handler)),
        arguments_(std::move(arguments)),
        details_(details),
        executor_(boost::asio::get_associated_executor(handler_)),
        work_(executor_) {}

  void start(client& where, const outgoing_call& call) {
    const auto self = this->shared_from_this();
    auto cancel = where.start(
        call, [self](result<incoming_answer> answer) { self->complete(std::move(answer)); });
    auto slot = boost::asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected())
      slot.assign([cancel = std::move(cancel)](boost::asio::cancellation_type type) {
        if (type != boost::asio::cancellation_type::none) cancel();
      });
  }

 private:
  void complete(result<incoming_answer> answer) {
    const auto executor = executor_;
    boost::asio::dispatch(executor,
                          [self = this->shared_from_this(), answer = std::move(answer)]() mutable {
                            self->deliver(answer);
                          });
  }

  void deliver(const result<incoming_answer>& answer) {
    boost::asio::get_associated_cancellation_slot(handler_).clear();
    result<R> value = answer ? decode_result<R>(answer->body, limits{}) : result<R>(answer.error());
    if (details_ != nullptr) *details_ = value ? diagnostics{} : value.error().details();
    // Everything that the call held is released before the handler runs.
    arguments_.reset();
    Handler handler = std::move(handler_);
    const auto work = std::move(work_);
    const auto failure = value ? boost::system::error_code{} : value.error().code();
    if constexpr (std::is_void_v<R>)
      std::move(handler)(failure);
    else
      std::move(handler)(failure, value ? std::move(*value) : R{});
  }

  using executor_type = boost::asio::associated_executor_t<Handler>;

  Handler handler_;
  std::shared_ptr<void> arguments_;
  diagnostics* details_;
  executor_type executor_;
  boost::asio::executor_work_guard<executor_type> work_;
};

template <class Remote, class Arguments, std::size_t... I>
auto async_with_token(Remote function, Arguments arguments, std::index_sequence<I...>) {
  using result_type = typename Remote::result_type;
  using token_type = std::tuple_element_t<sizeof...(I), Arguments>;
  return boost::asio::async_initiate<token_type, typename async_signature<result_type>::type>(
      [](auto handler, Remote remote, auto... each) {
        auto stored = remote.store(std::move(each)...);
        const auto call = remote.outgoing(stored->arguments(), call_id::random());
        using operation = async_operation<result_type, decltype(handler)>;
        std::make_shared<operation>(std::move(handler), std::move(stored), remote.options().details)
            ->start(remote.target_client(), call);
      },
      std::get<sizeof...(I)>(arguments), std::move(function),
      typename stored_argument<std::tuple_element_t<I, Arguments>>::type(
          std::forward<std::tuple_element_t<I, Arguments>>(std::get<I>(arguments)))...);
}

}  // namespace detail

/// Starts a call of `function`; completes when it is over.
/// @param arguments the function's arguments, then a completion token. Arguments are moved or
/// copied
///   into the operation; of views, the memory must live until the handler runs.
/// **Completion signature**: `void(error_code, R)`, or `void(error_code)` for a function without
/// result; of an error, R is default-constructed, and `call_options::details` receives the text.
/// **Cancellation**: terminal, partial and total: the executor is told, by closing the connection,
/// and the operation completes with `errc::cancelled` unless it was over already.
/// **Threads**: the handler runs on its associated executor, never inside of this function.
template <class Target, class... Leading, class... A>
auto async(const remote_function<Target, Leading...>& function, A&&... arguments) {
  static_assert(sizeof...(A) > 0, "modal: the last argument must be a completion token");
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
