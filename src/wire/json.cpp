// SPDX-License-Identifier: Apache-2.0
// The compiled bodies of the layer `wire` that include nlohmann/json.
#include <modal/wire/impl/http_call.ipp>
#include <modal/wire/impl/json_value.ipp>
