// SPDX-License-Identifier: Apache-2.0
// An executor that is a static object: ended by the end of the program, and not by that of a child
// that was forked; and what a child is told that calls the executor inside of its parent.
#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include <cstdio>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>

namespace far {

int twice(int value) { return 2 * value; }

modal::executor the_executor{{.port = 0, .log = [](const modal::log_record&) {}}};

// Runs `act` in a child. Returns whether it exits with 0, within a minute.
template <class Act>
bool child_ends_well(Act act) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    std::exit(act() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// One that is made before a fork and started in the child is the child's.
bool stops_in_child(modal::executor& made) {
  made.start();
  modal::client to(made.url());
  const bool served = modal::remote<twice>.on(to)(21) == 42;
  made.stop();
  const auto after =
      modal::remote<twice>.on(to).with({.timeout = std::chrono::seconds{5}, .retries = 0}).try_call(21);
  return served && !after;
}

bool refuses_in_child() {
  auto mine = modal::client::in_process();
  const auto answer = modal::remote<twice>.on(mine).try_call(21);
  return !answer && answer.error() == modal::errc::bad_configuration;
}

}  // namespace far

MODAL_FUNCTION(far::twice)

int main() {
  modal::executor made{{.port = 0, .log = [](const modal::log_record&) {}}};
  if (!far::child_ends_well([&] { return far::stops_in_child(made); })) return 4;
  far::the_executor.start();
  auto own = modal::client::in_process();
  if (modal::remote<far::twice>.on(own)(21) != 42) return 1;
  if (!far::child_ends_well([] { return true; })) return 2;
  if (!far::child_ends_well(far::refuses_in_child)) return 3;
  std::puts("all ends well");
}
