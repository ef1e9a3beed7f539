// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

// Every operator new of the process, seen by a test. Included by one source of a program, which
// defines `test::on_new`.
namespace test {

/// Is told of each allocation, on its thread. Returns whether there is memory for it.
bool on_new() noexcept;

inline void* take_watched(std::size_t size, std::size_t alignment) {
  void* made = nullptr;
  if (!on_new() || ::posix_memalign(&made, alignment, size == 0 ? 1 : size) != 0)
    throw std::bad_alloc();
  return made;
}

}  // namespace test

// What Asio takes memory from.
extern "C" inline void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  void* made = nullptr;
  return test::on_new() && ::posix_memalign(&made, alignment, size) == 0 ? made : nullptr;
}

// NOLINTBEGIN(misc-new-delete-overloads): they are all here
void* operator new(std::size_t size) { return test::take_watched(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) {
  return test::take_watched(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return test::take_watched(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return test::take_watched(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* made) noexcept { std::free(made); }
void operator delete[](void* made) noexcept { std::free(made); }
void operator delete(void* made, std::size_t) noexcept { std::free(made); }
void operator delete[](void* made, std::size_t) noexcept { std::free(made); }
void operator delete(void* made, std::align_val_t) noexcept { std::free(made); }
void operator delete[](void* made, std::align_val_t) noexcept { std::free(made); }
void operator delete(void* made, std::size_t, std::align_val_t) noexcept { std::free(made); }
void operator delete[](void* made, std::size_t, std::align_val_t) noexcept { std::free(made); }
// NOLINTEND(misc-new-delete-overloads)
