// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `wire` that need no JSON library.
#include <modal/wire/impl/input_archive.ipp>
#include <modal/wire/impl/payload.ipp>
#include <modal/wire/impl/signature.ipp>
