// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/gpu/stream.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace modal::detail {
class device_block;
}

namespace modal::gpu {

/// Returns the stream of the call that this thread serves. Outside of calls, as in a unit test that
/// runs a function where it is: a stream on the host's memory, which does everything at once.
[[nodiscard]] const std::shared_ptr<stream>& current_stream();

/// Makes `which` the answer of `current_stream` on this thread while it lives; null: that on the
/// host's memory. They nest.
class stream_scope {
 public:
  explicit stream_scope(std::shared_ptr<stream> which) noexcept;
  ~stream_scope();
  stream_scope(const stream_scope&) = delete;
  stream_scope& operator=(const stream_scope&) = delete;

 private:
  friend void* take_scratch(std::size_t bytes);

  std::shared_ptr<stream> previous_;
  stream_scope* const outer_;
  std::vector<detail::device_block> scratch_;
};

/// Returns memory on the current stream that is given back behind all that its scope puts there;
/// outside of scopes, when the thread ends. **Errors**: throws `device_error`, `std::bad_alloc`.
[[nodiscard]] void* take_scratch(std::size_t bytes);

}  // namespace modal::gpu
