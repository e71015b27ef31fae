# holdfast_proto(NAME FILES ... [DEPS ...])
#
# Library `holdfast_NAME_proto` with the messages and service descriptors of the given files. No
# gRPC stubs are generated: libs/rpc calls and serves methods through their descriptors, so no
# source file pays for gRPC's generated headers.
function(holdfast_proto name)
  cmake_parse_arguments(ARG "" "" "FILES;DEPS" ${ARGN})
  set(root ${CMAKE_SOURCE_DIR}/proto)
  set(out ${CMAKE_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${out})
  set(generated "")
  foreach(file ${ARG_FILES})
    string(REPLACE ".proto" ".pb" stem ${file})
    add_custom_command(
      OUTPUT ${out}/${stem}.cc ${out}/${stem}.h
      COMMAND protobuf::protoc -I ${root} --cpp_out=${out} ${root}/${file}
      DEPENDS ${root}/${file} VERBATIM)
    list(APPEND generated ${out}/${stem}.cc)
  endforeach()
  add_library(holdfast_${name}_proto STATIC ${generated})
  target_include_directories(holdfast_${name}_proto SYSTEM PUBLIC ${out})
  target_link_libraries(holdfast_${name}_proto PUBLIC protobuf::libprotobuf ${ARG_DEPS})
endfunction()
