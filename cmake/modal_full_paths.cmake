# SPDX-License-Identifier: Apache-2.0
# modal_full_paths(<variable> <base> <files>...): the files below <base>, with full paths. A file
# that is listed and missing ends the configuration: what is silently left out is not tested.
function(modal_full_paths variable base)
  set(paths)
  foreach(file IN LISTS ARGN)
    if(NOT EXISTS ${base}/${file})
      message(FATAL_ERROR "${file} is listed in ${CMAKE_CURRENT_LIST_FILE} and is missing")
    endif()
    list(APPEND paths ${base}/${file})
  endforeach()
  set(${variable} ${paths} PARENT_SCOPE)
endfunction()
