// SPDX-License-Identifier: Apache-2.0
// You learn: to call functions that live in another program, as if they were here.
// Run:  ./01_hello_server 8080 &   MODAL_URL=http://127.0.0.1:8080 ./01_hello_client
#include <modal/modal.hpp>

#include "hello.hpp"

#include <iostream>

int main() {
  std::cout << "1 + 2 = " << modal::remote<hello::add>(1, 2) << '\n';
  std::cout << modal::remote<hello::greet>("modal") << '\n';

  const std::vector<double> values{3.0, 1.0, 8.0};
  const hello::summary all = modal::remote<hello::summarize>(values);
  std::cout << "mean " << all.mean << ", largest " << all.largest << '\n';
}
