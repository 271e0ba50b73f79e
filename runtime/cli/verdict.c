// SPDX-License-Identifier: MIT
#include "cli/verdict.h"

#include "cli/terminal.h"

#include <string.h>

void verdict_print(const char *name, bool passed)
{
    printf("  %s%s%s  %s\n", terminal_style(stdout, passed ? STYLE_GOOD : STYLE_BAD),
           passed ? "ok    " : "FAILED", terminal_style(stdout, STYLE_OFF), name);
}

void verdict_detail(const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        printf("          %.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
}
