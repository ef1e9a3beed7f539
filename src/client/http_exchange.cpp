// SPDX-License-Identifier: Apache-2.0
// The HTTP exchange: the only include of the response parser.
#include <modal/client/impl/http_exchange.ipp>
