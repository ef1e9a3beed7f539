// SPDX-License-Identifier: Apache-2.0
// Calls itself once in the process and once over TCP, then, where there is
// an argument, serves until its input ends.
#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include "greetings.hpp"

#include <iostream>

int main(int argc, char**) {
  if (modal::remote<greetings::hello>("process") != "hello, process") return 1;

  modal::executor executor{{.address = "127.0.0.1", .port = 0, .threads = 1}};
  executor.start();
  modal::client client{executor.url()};
  if (modal::remote<greetings::hello>.on(client)("network") != "hello, network") return 2;

  std::cout << "listening on " << executor.url() << std::endl;
  if (argc > 1) std::cin.ignore(1);
}
