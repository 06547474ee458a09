# Arrow and Parquet C++: a system-wide package is preferred; else the libraries and headers inside the
# pyarrow wheel of the project's own .venv (tools/install.sh puts it there). The wheel has no CMake files.
option(CDC_ARROW_FROM_WHEEL "Take Arrow from the pyarrow wheel even if the system has a package" OFF)
set(CDC_PYTHON "${PROJECT_SOURCE_DIR}/.venv/bin/python" CACHE FILEPATH "Python that has pyarrow")
add_library(cdc_arrow INTERFACE)
if(NOT CDC_ARROW_FROM_WHEEL)
  find_package(Arrow 24 CONFIG QUIET)
  find_package(Parquet 24 CONFIG QUIET)
endif()
if(Arrow_FOUND AND Parquet_FOUND)
  target_link_libraries(cdc_arrow INTERFACE Parquet::parquet_shared Arrow::arrow_shared)
else()
  execute_process(
    COMMAND "${CDC_PYTHON}" -c
            "import pyarrow as p; print(';'.join([p.get_include(), p.get_library_dirs()[0], p.cpp_build_info.so_version]), end='')"
    OUTPUT_VARIABLE _pa RESULT_VARIABLE _rc)
  if(NOT _rc EQUAL 0)
    message(FATAL_ERROR "No Arrow CMake package and no pyarrow in ${CDC_PYTHON}: run tools/install.sh")
  endif()
  list(GET _pa 0 _inc)
  list(GET _pa 1 _lib)
  list(GET _pa 2 _so)
  foreach(_n arrow parquet)
    set(_f "${_lib}/lib${_n}.so.${_so}")
    add_library(cdc_wheel_${_n} SHARED IMPORTED GLOBAL)
    set_target_properties(cdc_wheel_${_n} PROPERTIES IMPORTED_LOCATION "${_f}" IMPORTED_SONAME
                          "lib${_n}.so.${_so}" INTERFACE_INCLUDE_DIRECTORIES "${_inc}")
    list(APPEND CDC_ARROW_RUNTIME_LIBS "${_f}")
  endforeach()
  target_link_libraries(cdc_arrow INTERFACE cdc_wheel_parquet cdc_wheel_arrow)
endif()
target_compile_features(cdc_arrow INTERFACE cxx_std_20)
