# SPDX-License-Identifier: Apache-2.0
# How our own targets are compiled. Nothing here reaches users' targets.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

option(MODAL_WARNINGS_AS_ERRORS "Treat warnings in our own code as errors" OFF)
add_library(modal_warnings INTERFACE)
set(modal_warning_flags -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    -Wnon-virtual-dtor -Wold-style-cast $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety> $<$<BOOL:${MODAL_WARNINGS_AS_ERRORS}>:-Werror>)
target_compile_options(modal_warnings INTERFACE
                       $<$<COMPILE_LANGUAGE:CXX>:${modal_warning_flags}>)

set(MODAL_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")
if(MODAL_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${MODAL_SANITIZE}>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize-recover=all>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>)
  add_link_options(-fsanitize=${MODAL_SANITIZE})
  # GCC loses sight of initialisation in instrumented code, and then warns inside Asio.
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
endif()

# A second build of the same sources is then mostly read from a cache. Precompiled headers are only
# cached where ccache is told that their macros and times do not count.
find_program(MODAL_CCACHE ccache)
if(MODAL_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros ${MODAL_CCACHE})
endif()
