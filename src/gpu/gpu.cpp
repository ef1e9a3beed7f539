// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `gpu`.
#include <modal/gpu/impl/current_stream.ipp>
