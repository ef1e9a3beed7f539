# SPDX-License-Identifier: Apache-2.0
# Enables the language CUDA as MODAL_WITH_CUDA asks, and sets modal_cuda_found. Only tests and
# examples compile anything for CUDA, so nothing is looked for without them.
set(modal_cuda_found OFF)
if(MODAL_WITH_CUDA STREQUAL OFF OR NOT (MODAL_BUILD_TESTS OR MODAL_BUILD_EXAMPLES))
  return()
endif()

include(CheckLanguage)
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(MODAL_NVCC nvcc HINTS /usr/local/cuda/bin)
  if(MODAL_NVCC)
    set(ENV{CUDACXX} ${MODAL_NVCC})
  endif()
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90)
endif()
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(MODAL_WITH_CUDA STREQUAL ON)
    message(FATAL_ERROR "MODAL_WITH_CUDA is ON, and no nvcc that works was found")
  endif()
  return()
endif()
enable_language(CUDA)
set(modal_cuda_found ON)

# CMake before 3.25.2 has no flag for C++20 in its table for nvcc 12 and later, and then passes none
# at all, silently.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
