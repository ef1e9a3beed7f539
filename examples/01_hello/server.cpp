// SPDX-License-Identifier: Apache-2.0
// Serves the functions of hello.cpp, which is linked in, until Ctrl-C.
#include <modal/executor.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8080;
  modal::executor executor{{.port = static_cast<std::uint16_t>(port)}};
  executor.start();
  std::cout << "listening on " << executor.url() << std::endl;
  executor.run();
}
