# One line a library, a plugin, a test. The link line of a library is the layer rule.

set(TIDEMILL_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wvla -Wformat=2 -Wundef
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
if(SANITIZE AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # These follow the flow of the program, which instrumentation hides from the compiler.
  list(APPEND TIDEMILL_WARNINGS -Wno-format-truncation -Wno-maybe-uninitialized)
endif()
if(WERROR)
  list(APPEND TIDEMILL_WARNINGS -Werror)
endif()

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-fno-strict-aliasing -fstack-protector-strong)
if(SANITIZE)
  add_compile_options(-fsanitize=${SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SANITIZE})
  set(WITH_MIMALLOC OFF)
endif()
if(FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link) # the targets bring the main function
endif()
if(COVERAGE)
  # Threads count too: exact counters. No optimiser: a line is a line.
  add_compile_options(-O0 --coverage -fprofile-update=atomic)
  add_link_options(--coverage)
  add_compile_definitions(COVERAGE)
endif()

# tidemill_library(base DEPENDS ... LINK ...): runtime/<name>/*.c as a static library tm_<name>.
function(tidemill_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.c *.cc)
  if(NOT sources)
    add_library(tm_${name} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(tm_${name} STATIC ${sources})
    target_compile_options(tm_${name} PRIVATE ${TIDEMILL_WARNINGS})
    set(scope PUBLIC)
  endif()
  target_include_directories(tm_${name} ${scope} ${CMAKE_SOURCE_DIR}/runtime
    ${CMAKE_SOURCE_DIR}/runtime/include)
  foreach(dep IN LISTS ARG_DEPENDS)
    target_link_libraries(tm_${name} ${scope} tm_${dep})
  endforeach()
  if(ARG_LINK)
    target_link_libraries(tm_${name} ${scope} ${ARG_LINK})
  endif()
endfunction()

# tidemill_plugin(file LINK ...): plugins/<name>/*.c as plugins/<name>.so, against the public
# headers only.
function(tidemill_plugin name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.c)
  add_library(plugin_${name} MODULE ${sources})
  set_target_properties(plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  target_include_directories(plugin_${name} PRIVATE ${CMAKE_SOURCE_DIR}/runtime/include)
  target_compile_options(plugin_${name} PRIVATE ${TIDEMILL_WARNINGS})
  target_link_libraries(plugin_${name} PRIVATE ${ARG_LINK})
  set_property(GLOBAL APPEND PROPERTY TIDEMILL_PLUGINS plugin_${name})
endfunction()

# tidemill_unit_tests(record): each test_*.c beside this file is a test program of its own, linked
# with tm_<library> and run as <library>/<file>.
function(tidemill_unit_tests library)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS test_*.c)
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    set(target ${library}_${name})
    add_executable(${target} ${source})
    set_target_properties(${target} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_compile_options(${target} PRIVATE ${TIDEMILL_WARNINGS})
    target_link_libraries(${target} PRIVATE tm_${library} PkgConfig::CUNIT ${ARG_LINK})
    add_test(NAME unit/${library}/${name} COMMAND ${target})
    set_tests_properties(unit/${library}/${name} PROPERTIES TIMEOUT 120 LABELS unit)
  endforeach()
endfunction()
