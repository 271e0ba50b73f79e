# cmake -DOUT=x.c -DROOT=dir "-DFILES=a;b" -P Embed.cmake: the files as bytes in a C table
# `embedded_files` of struct embedded_file (name, text, len), ended by an empty row.
set(code "// Made by cmake/Embed.cmake.\n#include \"cli/embedded.h\"\n\n")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  file(READ ${ROOT}/${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REPEAT "." 80 line) # 16 bytes
  string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
  string(APPEND code "static const unsigned char file_${number}[] = {\n${bytes}};\n")
  string(APPEND rows "    {\"${file}\", file_${number}, sizeof file_${number}},\n")
  math(EXPR number "${number} + 1")
endforeach()
string(APPEND code "\nconst struct embedded_file embedded_files[] = {\n${rows}    {0},\n};\n")
file(WRITE ${OUT} "${code}")
