// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `function`.
#include <modal/function/impl/catalog.ipp>
#include <modal/function/impl/context.ipp>
#include <modal/function/impl/device_transfer.ipp>
#include <modal/function/impl/exception.ipp>
#include <modal/function/impl/log.ipp>
