// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `http1` that the client needs too.
#include <modal/http1/impl/chunks.ipp>
#include <modal/http1/impl/head.ipp>
