// SPDX-License-Identifier: Apache-2.0
// The asynchronous way: the only include of Asio on the client side.
#include <modal/client/impl/async_driver.ipp>
