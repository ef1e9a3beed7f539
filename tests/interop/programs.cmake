# SPDX-License-Identifier: Apache-2.0
# The two programs, in this project and in the one that another compiler builds.
add_executable(interop_executor ${CMAKE_CURRENT_LIST_DIR}/executor.cpp
               ${CMAKE_CURRENT_LIST_DIR}/functions.cpp)
target_link_libraries(interop_executor PRIVATE modal::executor)
add_executable(interop_caller ${CMAKE_CURRENT_LIST_DIR}/caller.cpp)
target_link_libraries(interop_caller PRIVATE modal::client)
