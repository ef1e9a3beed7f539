# SPDX-License-Identifier: Apache-2.0
# Compiles SOURCE with COMPILER twice, INCLUDE being our headers: it must compile as it is, and fail
# with MODAL_EXPECT_FAILURE defined, with the text of its line `// expect: TEXT` in the messages.
file(STRINGS ${SOURCE} expected REGEX "^// expect: ")
if(NOT expected)
  message(FATAL_ERROR "${SOURCE} has no line `// expect: TEXT`")
endif()
string(REPLACE "// expect: " "" expected "${expected}")
set(compile ${COMPILER} -std=c++20 -fsyntax-only -I ${INCLUDE})

execute_process(COMMAND ${compile} ${SOURCE} RESULT_VARIABLE status ERROR_VARIABLE messages)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${SOURCE} must compile without MODAL_EXPECT_FAILURE:\n${messages}")
endif()
execute_process(COMMAND ${compile} -D MODAL_EXPECT_FAILURE ${SOURCE}
                RESULT_VARIABLE status ERROR_VARIABLE messages)
if(status EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles, and must not")
endif()
string(FIND "${messages}" "${expected}" position)
if(position EQUAL -1)
  message(FATAL_ERROR "${SOURCE} fails without the text \"${expected}\":\n${messages}")
endif()
message(STATUS "refused, with: ${expected}")
