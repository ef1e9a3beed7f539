// SPDX-License-Identifier: Apache-2.0
// You learn: what a call does when it cannot succeed, and what to do about each kind of error.
// Run:  ./02_errors        (the functions run in this process; set MODAL_URL for another one)
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include <iostream>
#include <stop_token>
#include <thread>

namespace bank {

// Arrives as its own type, because MODAL_EXCEPTION below registers it.
struct no_money : std::runtime_error {
  using runtime_error::runtime_error;
};

int withdraw(int balance, int amount) {
  if (amount < 0) throw std::invalid_argument("amount must not be negative");
  if (amount > balance) throw no_money("only " + std::to_string(balance) + " left");
  return balance - amount;
}

// Waits until it is told to stop: its deadline is what ends it.
void wait_for_audit() {
  while (!modal::this_call().stop_requested()) std::this_thread::yield();
}

int only_declared(int);  // nobody registers this one

}  // namespace bank

MODAL_FUNCTION(bank::withdraw)
MODAL_FUNCTION(bank::wait_for_audit)
MODAL_EXCEPTION(bank::no_money)

int main() {
  // A registered exception is thrown as itself.
  try {
    modal::remote<bank::withdraw>(50, 80);
  } catch (const bank::no_money& failure) {
    std::cout << "no_money: " << failure.what() << '\n';
  }

  // Any other is a call_error with the type and the text.
  try {
    modal::remote<bank::withdraw>(50, -1);
  } catch (const modal::call_error& failure) {
    std::cout << failure.details().exception_type << ": " << failure.details().message << '\n';
  }

  // try_call returns what would be thrown. The condition says what to do about it.
  const auto late =
      modal::remote<bank::wait_for_audit>.with({.timeout = std::chrono::milliseconds{50}}).try_call();
  std::cout << "late: " << modal::to_string(late.error().condition()) << '\n';

  const auto missing = modal::remote<bank::only_declared>.try_call(1);
  std::cout << "missing: " << modal::to_string(missing.error().value()) << ", "
            << modal::to_string(missing.error().condition()) << '\n';

  // Nobody listens on port 1: the call fails after its retries, and says that it never ran.
  modal::client nowhere("http://127.0.0.1:1");
  const auto lost = modal::remote<bank::withdraw>.on(nowhere).with({.retries = 0}).try_call(50, 8);
  std::cout << "nowhere: " << modal::to_string(lost.error().condition()) << '\n';
}
