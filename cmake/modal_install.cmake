# SPDX-License-Identifier: Apache-2.0
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(modal_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/modal)

install(TARGETS modal_client modal_headers EXPORT modal_targets FILE_SET HEADERS)
install(EXPORT modal_targets NAMESPACE modal:: FILE modal-targets.cmake
        DESTINATION ${modal_package_dir})
# The bodies for header-only use, which are not headers to compile alone.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/modal TYPE INCLUDE
        FILES_MATCHING PATTERN "*.ipp" PATTERN src.hpp)
if(TARGET modal_executor)
  install(TARGETS modal_executor EXPORT modal_executor_targets FILE_SET HEADERS)
  install(EXPORT modal_executor_targets NAMESPACE modal:: FILE modal-executor-targets.cmake
          DESTINATION ${modal_package_dir})
endif()

# For builds without CMake. The paths are relative to the file, which may be installed anywhere.
set(modal_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH modal_prefix_from_pc /prefix/${modal_pc_dir} /prefix)
foreach(package IN ITEMS modal modal-executor)
  if(package STREQUAL modal-executor AND NOT TARGET modal_executor)
    continue()
  endif()
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${package}.pc.in ${PROJECT_BINARY_DIR}/${package}.pc
                 @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${package}.pc DESTINATION ${modal_pc_dir})
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/modal-config.cmake.in
  ${PROJECT_BINARY_DIR}/modal-config.cmake INSTALL_DESTINATION ${modal_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/modal-config-version.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/modal-config.cmake
  ${PROJECT_BINARY_DIR}/modal-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/modal_link_functions.cmake DESTINATION ${modal_package_dir})
