# SPDX-License-Identifier: Apache-2.0
# modal_link_functions(<target> <static library>...)
#
# Links static libraries whole. A linker takes from a static library only the objects that somebody
# refers to, and nobody refers to a MODAL_FUNCTION registration: without this it would be dropped.
# A library may be linked by other ways too, by the target or by what it links. Where a library has
# an ALIAS, give the name that the others link it by.
function(modal_link_functions target)
  foreach(library IN LISTS ARGN)
    target_link_libraries(${target} PRIVATE ${library})
    set_property(TARGET ${target} APPEND PROPERTY
                 LINK_LIBRARY_OVERRIDE "WHOLE_ARCHIVE,${library}")
  endforeach()
endfunction()
