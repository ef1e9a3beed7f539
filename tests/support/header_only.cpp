// SPDX-License-Identifier: Apache-2.0
// The client's bodies, for the preset `header-only`.
#include <modal/src.hpp>
