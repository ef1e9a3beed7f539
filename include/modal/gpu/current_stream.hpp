// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/gpu/stream.hpp>

#include <memory>

namespace modal::gpu {

/// Returns the stream of the call that this thread serves. Outside of calls, as in a unit test that
/// runs a function where it is: a stream on the host's memory, which does everything at once.
[[nodiscard]] const std::shared_ptr<stream>& current_stream();

/// Makes `which` the answer of `current_stream` on this thread while it lives. They nest.
class stream_scope {
 public:
  explicit stream_scope(std::shared_ptr<stream> which) noexcept;
  ~stream_scope();
  stream_scope(const stream_scope&) = delete;
  stream_scope& operator=(const stream_scope&) = delete;

 private:
  std::shared_ptr<stream> previous_;
};

}  // namespace modal::gpu
