// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"

// ERR_DATA "byte 17: expected <what>, found 'x'" (or 0x1b, or the end); bytes are counted from 0.
int codec_expected(struct error *err, const char *bytes, size_t len, size_t at, const char *fmt,
                   ...) __attribute__((format(printf, 5, 6)));
// The same of a text without formats.
int codec_found(struct error *err, const char *bytes, size_t len, size_t at, const char *what);
// 0, or the ERR_DATA for the first byte that is no UTF-8.
int codec_check_utf8(struct error *err, const char *bytes, size_t len);
// ERR_LIMIT.
int codec_too_long(struct error *err, size_t max);
