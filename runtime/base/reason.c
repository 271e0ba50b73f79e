// SPDX-License-Identifier: MIT
#include "base/reason.h"

#include <stddef.h>

static const char *const codes[] = {
#define X(name, code) code,
    REASONS(X)
#undef X
        NULL,
};

const char *reason_code(enum reason reason)
{
    return codes[reason > REASON_NONE && reason < REASON_COUNT ? reason - 1 : REASON_BUG - 1];
}

const char *const *reason_codes(void)
{
    return codes;
}
