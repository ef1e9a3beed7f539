// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `net` that the client needs too.
#include <modal/net/impl/bell.ipp>
#include <modal/net/impl/lookup.ipp>
#include <modal/net/impl/poll_guard.ipp>
#include <modal/net/impl/reactor.ipp>
#include <modal/net/impl/stream.ipp>
