// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

// Inputs as they lie in seeds/: a .txt file holds one a line, in which \n \r \t \\ and \xHH are
// bytes (so that what is binary can be read and compared); '#' begins a line that is a comment. Any
// other file is one input as it is.

struct input {
    uint8_t *bytes;
    size_t len;
};

enum { INPUT_MAX = 1 << 16, INPUTS_MAX = 4096 };

// Adds what `path` holds to inputs[*count]. Ends the program when that cannot be.
void seeds_read(const char *path, struct input inputs[INPUTS_MAX], size_t *count);
