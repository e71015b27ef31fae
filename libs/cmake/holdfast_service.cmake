# holdfast_service(NAME [NO_PEERS] [DEPS ...] [TEST_DEPS ...])
#
# Takes the role files of services/NAME by their names and makes
#   holdfast_NAME_service  library of everything but main.cpp
#   holdfast-NAME          the program
#   NAME_service_test      its *_test.cpp, run by ctest
# A missing role file is an error, so that six services stay one shape.
function(holdfast_service name)
  cmake_parse_arguments(ARG "NO_PEERS" "" "DEPS;TEST_DEPS" ${ARGN})
  set(dir ${CMAKE_CURRENT_SOURCE_DIR})
  set(roles main.cpp config.h metrics.h service.h service.cpp convert.h convert.cpp store.h
            pg_store.h pg_store.cpp jobs.h jobs.cpp README.md)
  if(NOT ARG_NO_PEERS)
    list(APPEND roles peers.h peers.cpp)
  endif()
  foreach(role ${roles})
    if(NOT EXISTS ${dir}/${role})
      message(FATAL_ERROR "services/${name}: role file ${role} is missing")
    endif()
  endforeach()

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS *_test.cpp)
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(REMOVE_ITEM sources ${dir}/main.cpp)
  holdfast_embed_migrations(${name} migrations_cpp)

  add_library(holdfast_${name}_service STATIC ${sources} ${migrations_cpp})
  target_link_libraries(holdfast_${name}_service PRIVATE holdfast_warnings PUBLIC holdfast_app ${ARG_DEPS})

  add_executable(holdfast-${name} ${dir}/main.cpp)
  target_link_libraries(holdfast-${name} PRIVATE holdfast_warnings holdfast_${name}_service)

  if(tests)
    holdfast_test(${name}_service_test SOURCES ${tests}
                  DEPS holdfast_${name}_service holdfast_testing ${ARG_TEST_DEPS} TIMEOUT 600)
  endif()
endfunction()

# Writes the numbered files of services/NAME/sql into a source file, so that a program carries its
# own schema. Declares: std::span<const storage::Migration> holdfast::NAME::Migrations();
function(holdfast_embed_migrations name out_var)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/sql/*.sql)
  list(SORT files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(body "")
  foreach(file ${files})
    get_filename_component(stem ${file} NAME_WE)
    file(READ ${file} sql)
    string(APPEND body "    {\"${stem}\", R\"holdfastsql(${sql})holdfastsql\"},\n")
  endforeach()
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name}_migrations.cpp)
  file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT "// Generated from services/${name}/sql.
#include <span>
#include \"libs/storage/pg_migrate.h\"
namespace holdfast::${name} {
std::span<const storage::Migration> Migrations();
std::span<const storage::Migration> Migrations() {
  static const storage::Migration kMigrations[] = {
${body}  };
  return kMigrations;
}
}  // namespace holdfast::${name}
")
  set(${out_var} ${generated} PARENT_SCOPE)
endfunction()
