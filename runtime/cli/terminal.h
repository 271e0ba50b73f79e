// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdio.h>

// What is different when a person looks: colours, and one line at the bottom that is written over.
// On a pipe or file, and when NO_COLOR is set or TERM is `dumb`, styles are empty.

enum style { STYLE_OFF, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD, STYLE_COUNT };

bool terminal_is(FILE *file);      // a terminal that can do more than print
bool terminal_colours(FILE *file); // and colours are welcome
const char *terminal_style(FILE *file, enum style style);
int terminal_width(FILE *file); // columns; 80 when unknown

// The status line on standard error; cut to the width. Log lines are written above it. Nothing
// happens when standard error is no terminal. Main thread only.
void terminal_status(const char *line);
void terminal_status_end(void); // removes it
