# What `cmake --install` lays down, and what authors of plugins find: headers, tidemill.pc, and a
# CMake package, which the build tree offers as well (-Dtidemill_DIR=<build tree>).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Fixed: the program looks for its plugins in ../lib/tidemill/plugins.
set(plugin_dir lib/tidemill/plugins)
set(package_dir lib/cmake/tidemill)
set(packaging ${CMAKE_CURRENT_LIST_DIR})

install(TARGETS tidemill RUNTIME DESTINATION bin)
install(TARGETS ${plugins} LIBRARY DESTINATION ${plugin_dir})
install(DIRECTORY runtime/include/tidemill DESTINATION include FILES_MATCHING PATTERN "*.h")
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")

configure_file(${packaging}/tidemill.pc.in ${CMAKE_BINARY_DIR}/tidemill.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/tidemill.pc DESTINATION lib/pkgconfig)

set(TIDEMILL_INCLUDE "\${CMAKE_CURRENT_LIST_DIR}/../../../include")
set(TIDEMILL_PROGRAM "\${CMAKE_CURRENT_LIST_DIR}/../../../bin/tidemill")
configure_file(${packaging}/tidemill-config.cmake.in
  ${CMAKE_BINARY_DIR}/packaging/tidemill-config.cmake @ONLY)
set(TIDEMILL_INCLUDE ${CMAKE_SOURCE_DIR}/runtime/include)
set(TIDEMILL_PROGRAM ${CMAKE_BINARY_DIR}/tidemill)
configure_file(${packaging}/tidemill-config.cmake.in
  ${CMAKE_BINARY_DIR}/tidemill-config.cmake @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/tidemill-config-version.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/packaging/tidemill-config.cmake
  ${CMAKE_BINARY_DIR}/tidemill-config-version.cmake DESTINATION ${package_dir})
