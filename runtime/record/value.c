// SPDX-License-Identifier: MIT
#include "record/value.h"

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [VALUE_UNSET] = "unset",   [VALUE_ABSENT] = "absent", [VALUE_NULL] = "null",
        [VALUE_BOOL] = "boolean",  [VALUE_INT] = "integer",   [VALUE_FLOAT] = "number",
        [VALUE_STRING] = "string", [VALUE_ARRAY] = "array",   [VALUE_OBJECT] = "object",
    };
    return (unsigned)type < sizeof names / sizeof *names ? names[type] : "unknown";
}
