// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// Text as configurations need it: files read whole, numbers and units parsed and written back.

enum { TEXT_FILE_MAX = 1 << 20 }; // bytes of a YAML file

// Appends a regular file's content to `out`, whose maximum is the limit. ERR_INPUT (missing,
// unreadable, too large; the text names the path), ERR_NOMEM.
int text_read_file(const char *path, struct buf *out, struct error *err);
// The directory of a path: "." when there is no slash. The caller frees it; NULL: out of memory.
char *text_dirname(const char *path);
// `path`, or dir/path when it is relative. The caller frees it; NULL: out of memory.
char *text_join(const char *dir, const char *path);
// The byte at which it stops being UTF-8 (or is a NUL), or -1.
int64_t text_check_utf8(const char *text, size_t len);
// Makes it harmless to print (utf8_clean), and cuts it to at most `max` bytes at a character. The
// new length.
size_t text_clean(char *text, size_t len, size_t max);
// A JSON string with its quotes.
int text_json(const char *text, struct buf *out);

// Whole texts; false when it is something else or out of range.
bool text_parse_int(const char *text, int64_t *out);     // decimal, no leading zeros
bool text_parse_number(const char *text, double *out);   // as in JSON, finite
bool text_parse_duration(const char *text, int64_t *ms); // 200ms 1.5s 1m30s 2h 1d; 0
bool text_parse_size(const char *text, int64_t *bytes);  // 64KiB 1.5GiB 500kB 1MB; 4096

enum { TEXT_UNIT_MAX = 48 };
void text_format_duration(int64_t ms, char out[TEXT_UNIT_MAX]);
void text_format_size(int64_t bytes, char out[TEXT_UNIT_MAX]);
