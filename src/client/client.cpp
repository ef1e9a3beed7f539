// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `client`.
#include <modal/client/impl/async_call.ipp>
#include <modal/client/impl/call_fsm.ipp>
#include <modal/client/impl/call_interrupter.ipp>
#include <modal/client/impl/call_run.ipp>
#include <modal/client/impl/client.ipp>
#include <modal/client/impl/connection_pool.ipp>
#include <modal/client/impl/connector.ipp>
#include <modal/client/impl/fake_executor.ipp>
#include <modal/client/impl/http_attempt.ipp>
#include <modal/client/impl/http_exchange.ipp>
#include <modal/client/impl/in_process_attempt.ipp>
#include <modal/client/impl/session_answers.ipp>
#include <modal/client/impl/session_attempt.ipp>
#include <modal/client/impl/session_link.ipp>
#include <modal/client/impl/session_opening.ipp>
#include <modal/client/impl/session_watch.ipp>
#include <modal/client/impl/transport.ipp>
#include <modal/client/impl/url.ipp>
