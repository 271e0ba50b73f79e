// SPDX-License-Identifier: MIT
#include "operators/map.h"
#include "operators/inplace.h"

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct script *script;
    int rc = scripted_load_function(&script, spec, err);
    return rc != 0 ? rc : inplace_new(out, &map_class, script, SCRIPT_CALL_MAP, err);
}

const struct operator_class map_class = {.type = "map",
                                         .help = "changes each record by a function",
                                         .entry = {.has_out = true},
                                         .build = build};
