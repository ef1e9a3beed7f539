// SPDX-License-Identifier: Apache-2.0
// Serves the functions until its input ends.
#include <modal/executor.hpp>

#include <iostream>

int main() {
  modal::executor executor{{.address = "127.0.0.1", .port = 0, .threads = 1}};
  executor.start();
  std::cout << "listening on " << executor.url() << std::endl;
  std::cin.ignore(1);
}
