// SPDX-License-Identifier: MIT
#include "operators/filter.h"
#include "operators/inplace.h"

static const tide_option options[] = {
    {.name = "when",
     .type = TIDE_TEXT,
     .help = "condition over the record's fields, as in status >= 500; instead of a script"},
    {.name = NULL}};

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *when = setting_at(spec->node->options, "when");
    const struct tide_config *common = spec->node->common;
    struct script *script;
    if (when && (setting_at(common, "script") || setting_at(common, "lua")))
        return error_set(err, ERR_INPUT, "%s: give when: or a script, not both", spec->node->name);
    int rc = when ? scripted_condition(&script, spec, when, err)
                  : scripted_load_function(&script, spec, err);
    return rc != 0 ? rc : inplace_new(out, &filter_class, script, SCRIPT_CALL_FILTER, err);
}

const struct operator_class filter_class = {
    .type = "filter",
    .help = "keeps the records for which a function or condition is true",
    .entry = {.options = options, .has_out = true},
    .keeps_records = true,
    .build = build};
