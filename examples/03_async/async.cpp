// SPDX-License-Identifier: Apache-2.0
// You learn: to have calls under way while doing something else: handles, cancellation, and Asio's
// completion tokens.
// Run:  ./03_async        (the functions run in this process; set MODAL_URL for another one)
#include <modal/asio.hpp>
#include <modal/function.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <iostream>
#include <thread>

namespace asio = boost::asio;

namespace work {

int square(int x) { return x * x; }

int until_stopped() {
  while (!modal::this_call().stop_requested()) std::this_thread::yield();
  return 0;
}

}  // namespace work

MODAL_FUNCTION(work::square)
MODAL_FUNCTION(work::until_stopped)

asio::awaitable<void> chain() {
  const int nine = co_await modal::async<work::square>(3, asio::use_awaitable);
  const int last = co_await modal::async<work::square>(nine, asio::use_awaitable);
  std::cout << "coroutine: " << last << '\n';
}

int main() {
  // Handles: start several, then collect.
  auto first = modal::remote<work::square>.spawn(2);
  auto second = modal::remote<work::square>.spawn(3);
  std::cout << "handles: " << first.get() << ' ' << second.get() << '\n';

  // Cancelling reaches the function's stop token.
  auto endless = modal::remote<work::until_stopped>.spawn();
  endless.cancel();
  std::cout << "cancelled: " << modal::to_string(endless.try_get().error().condition()) << '\n';

  // A future.
  std::future<int> future = modal::async<work::square>(5, asio::use_future);
  std::cout << "future: " << future.get() << '\n';

  // A coroutine, on an io_context of our own.
  asio::io_context context;
  asio::co_spawn(context, chain(), asio::detached);
  context.run();

  // A callback: it runs on the client's thread.
  std::promise<int> called;
  modal::async<work::square>(7, [&called](boost::system::error_code failure, int result) {
    called.set_value(failure ? -1 : result);
  });
  std::cout << "callback: " << called.get_future().get() << '\n';

  // A client and options of its own. An error_code has no text: it comes in `details`.
  modal::client client = modal::client::in_process();
  modal::diagnostics details;
  std::promise<std::string> failed;
  modal::async(modal::remote<work::until_stopped>.on(client).with(
                   {.timeout = std::chrono::milliseconds(10), .details = &details}),
               [&](boost::system::error_code failure, int) {
                 failed.set_value(failure.message() + " in " + details.function);
               });
  std::cout << "late: " << failed.get_future().get() << '\n';
}
