// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// The bodies of the client, for header-only use: include this in exactly one source file of the
/// program, with the target `modal::headers`. Programs that link `modal::client` do not need it.

#include <modal/base/impl/bytes.ipp>
#include <modal/base/impl/clock.ipp>
#include <modal/base/impl/error.ipp>
#include <modal/base/impl/fork.ipp>
#include <modal/base/impl/ids.ipp>
#include <modal/base/impl/signal.ipp>
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
#include <modal/function/impl/catalog.ipp>
#include <modal/function/impl/context.ipp>
#include <modal/function/impl/device_transfer.ipp>
#include <modal/function/impl/exception.ipp>
#include <modal/function/impl/log.ipp>
#include <modal/gpu/impl/current_stream.ipp>
#include <modal/http1/impl/chunks.ipp>
#include <modal/http1/impl/head.ipp>
#include <modal/net/impl/bell.ipp>
#include <modal/net/impl/lookup.ipp>
#include <modal/net/impl/poll_guard.ipp>
#include <modal/net/impl/reactor.ipp>
#include <modal/net/impl/stream.ipp>
#include <modal/session/impl/frames.ipp>
#include <modal/session/impl/outbox.ipp>
#include <modal/session/impl/session_fsm.ipp>
#include <modal/session/impl/session_send.ipp>
#include <modal/wire/impl/http_call.ipp>
#include <modal/wire/impl/input_archive.ipp>
#include <modal/wire/impl/json_value.ipp>
#include <modal/wire/impl/payload.ipp>
#include <modal/wire/impl/signature.ipp>
