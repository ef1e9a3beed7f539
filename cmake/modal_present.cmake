# SPDX-License-Identifier: Apache-2.0
# modal_present(<variable> <base> <files>...): the files that exist below <base>, with full paths.
function(modal_present variable base)
  set(present)
  foreach(file IN LISTS ARGN)
    if(EXISTS ${base}/${file})
      list(APPEND present ${base}/${file})
    endif()
  endforeach()
  set(${variable} ${present} PARENT_SCOPE)
endfunction()
