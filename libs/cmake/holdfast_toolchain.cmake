# Compiler, linker and third-party packages. Everything comes from Debian 12; nothing is vendored.

set(CMAKE_CXX_FLAGS_DEV "-O1 -g1")
set(CMAKE_EXE_LINKER_FLAGS_DEV "")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

find_program(HOLDFAST_CCACHE ccache)
if(HOLDFAST_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HOLDFAST_CCACHE})
endif()

find_program(HOLDFAST_MOLD mold)
if(HOLDFAST_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(HOLDFAST_SANITIZE)
  add_compile_options(-fsanitize=${HOLDFAST_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HOLDFAST_SANITIZE})
  if(HOLDFAST_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

# For our own code only (see holdfast_library, holdfast_service); generated code is not ours to fix.
add_library(holdfast_warnings INTERFACE)
target_compile_options(holdfast_warnings INTERFACE -Wall -Wextra -Werror -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives of these inside its own library headers.
  target_compile_options(holdfast_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized
                                                     -Wno-stringop-overread -Wno-stringop-overflow
                                                     -Wno-array-bounds -Wno-dangling-pointer)
  if(HOLDFAST_SANITIZE MATCHES "thread")
    # GoogleTest, gRPC and Abseil use fences that g++ cannot instrument.
    target_compile_options(holdfast_warnings INTERFACE -Wno-tsan)
  endif()
else()
  target_compile_options(holdfast_warnings INTERFACE -Wthread-safety)
endif()

find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(GRPCPP REQUIRED IMPORTED_TARGET grpc++)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(LIBXML2 REQUIRED IMPORTED_TARGET libxml-2.0)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
find_package(prometheus-cpp CONFIG REQUIRED)

if(HOLDFAST_SANITIZE MATCHES "thread")
  # Abseil's locks made visible, in every program: see the file.
  add_library(holdfast_tsan OBJECT ${CMAKE_CURRENT_LIST_DIR}/tsan/absl_synchronization.cpp
                                   ${CMAKE_CURRENT_LIST_DIR}/tsan/hand_overs.cpp
                                   ${CMAKE_CURRENT_LIST_DIR}/tsan/options.cpp)
  target_link_libraries(holdfast_tsan PUBLIC absl::synchronization PkgConfig::GRPCPP)
  link_libraries(holdfast_tsan)
endif()
