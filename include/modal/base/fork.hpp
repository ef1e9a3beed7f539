// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace modal::detail {

/// Returns how often this process, or one that it was forked from, was made by `fork`: a child has
/// another number than its parent, with whose memory it begins, but without its threads. Safe from
/// any thread.
unsigned fork_count();

}  // namespace modal::detail
