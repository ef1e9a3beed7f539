// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `base`.
#include <modal/base/impl/bytes.ipp>
#include <modal/base/impl/clock.ipp>
#include <modal/base/impl/error.ipp>
#include <modal/base/impl/fork.ipp>
#include <modal/base/impl/ids.ipp>
#include <modal/base/impl/signal.ipp>
