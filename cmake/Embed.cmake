# cmake -DOUT=x.c -DROOT=dir -DTABLE=name "-DFILES=a;b" -P Embed.cmake: the files as bytes in a C
# table of that name, of struct embedded_file (name, text, len), ended by an empty row.
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
string(APPEND code "\nconst struct embedded_file ${TABLE}[] = {\n${rows}    {0},\n};\n")
file(WRITE ${OUT} "${code}")
