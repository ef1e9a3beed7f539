// SPDX-License-Identifier: Apache-2.0
// expect: modal: the last argument must be a completion token
#include <modal/asio.hpp>

int add(int a, int b);

void call() {
#ifdef MODAL_EXPECT_FAILURE
  modal::async<add>(1, 2);
#else
  modal::async<add>(1, 2, [](boost::system::error_code, int) {});
#endif
}
