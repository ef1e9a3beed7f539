// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `client`: the blocking way.
#include <modal/client/impl/blocking_transport.ipp>
#include <modal/client/impl/call_fsm.ipp>
#include <modal/client/impl/client.ipp>
#include <modal/client/impl/url.ipp>
