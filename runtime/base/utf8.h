// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>
#include <stddef.h>

// Text that comes from outside, on its way to a person or a log.

// The bytes of the character that begins at `text`, of which there are `left`; 0: no valid UTF-8
// begins there. NUL is a character of one byte. *point, when wanted, is its code point.
size_t utf8_char(const char *text, size_t left, uint32_t *point);

// Makes it harmless to print, in place: control characters (C1 as well) and bytes that are no UTF-8
// become '?', a tab a space. Nothing becomes longer or shorter.
void utf8_clean(char *text, size_t len);
