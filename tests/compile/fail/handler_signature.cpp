// SPDX-License-Identifier: Apache-2.0
// expect: modal: the last argument must be a completion token
#include <modal/asio.hpp>

#include <string>

int add(int a, int b);

void call() {
#ifdef MODAL_EXPECT_FAILURE
  modal::async<add>(1, 2, [](boost::system::error_code, std::string) {});
#else
  modal::async<add>(1, 2, [](modal::result<int>) {});
#endif
}
