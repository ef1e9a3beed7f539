// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `session`.
#include <modal/session/impl/frames.ipp>
#include <modal/session/impl/outbox.ipp>
#include <modal/session/impl/session_fsm.ipp>
#include <modal/session/impl/session_send.ipp>
