// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/plan.h"
#include <string.h>

// What the sources of a plan say about event time, against what is behind them.

static bool has_option(const tide_option *rows, const char *name)
{
    for (; rows && rows->name; rows++)
        if (strcmp(rows->name, name) == 0)
            return true;
    return false;
}

bool plan_source_ends(const struct plan_node *node)
{
    const tide_source *source = node->plugin ? node->plugin->source : NULL;
    const struct tide_config *options = node->spec->options;
    if (!source || !(source->capabilities & TIDE_SOURCE_BOUNDED))
        return false;
    if (setting_bool(options, "follow", false))
        return false;
    if (has_option(source->options, "until") && !setting_at(options, "until"))
        return false;
    return !has_option(source->options, "count") || setting_int(options, "count", 0) > 0;
}

static void warn(const struct plan_node *node, const struct tide_config *setting, const char *text,
                 struct problems *problems)
{
    problem_warn(problems, setting->place, REASON_UNHEEDED, "%s: watermark: %s", node->spec->name,
                 text);
}

static void warn_of_align(const struct plan_node *node, const struct tide_config *align,
                          struct problems *problems)
{
    const tide_source *source = node->plugin ? node->plugin->source : NULL;
    if (source && !(TIDE_HAS(source, pause) && source->pause))
        warn(node, align,
             "align has no effect: this kind of source cannot leave single splits unread",
             problems);
    else if (!setting_at(node->spec->common, "watermark.idle_after") && !plan_source_ends(node))
        warn(node, align,
             "align without idle_after: a split that falls silent stops the reading of all others",
             problems);
}

// Whether it waits for event time to close a window.
static bool waits_for_time(const struct plan_node *node)
{
    const struct tide_config *options = node->spec->options;
    const char *time = setting_text(options, "window.time");
    return node->class && node->class->stateful && node->has_event_time &&
           setting_at(options, "window") && !setting_at(options, "window.count") &&
           !setting_bool(options, "window.global", false) && !(time && !strcmp(time, "processing"));
}

static void warn_of_none(const struct plan *plan, uint32_t from, const struct tide_config *kind,
                         struct problems *problems)
{
    bool *seen = mem_zalloc(plan->node_count + 1);
    if (!seen)
        return; // what follows will be out of memory as well
    plan_reach(plan, from, seen);
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (seen[i] && waits_for_time(&plan->nodes[i]))
            problem_warn(problems, kind->place, REASON_UNHEEDED,
                         "%s: watermark: none, and a source that does not end: the windows of %s "
                         "never close",
                         plan->nodes[from].spec->name, plan->nodes[i].spec->name);
    mem_free(seen);
}

static void warn_of_source(const struct plan *plan, uint32_t index, struct problems *problems)
{
    const struct plan_node *node = &plan->nodes[index];
    const struct tide_config *common = node->spec->common;
    const struct tide_config *watermark = setting_at(common, "watermark");
    const struct tide_config *align = setting_at(common, "watermark.align");
    const struct tide_config *kind = setting_at(common, "watermark.kind");
    if (!watermark || !watermark->given)
        return;
    if (!node->has_event_time) {
        warn(node, watermark, "without `event_time` there is none", problems);
        return;
    }
    if (align)
        warn_of_align(node, align, problems);
    if (kind && kind->text && !strcmp(kind->text, "none") && node->plugin &&
        !plan_source_ends(node))
        warn_of_none(plan, index, kind, problems);
}

void plan_warn_of_time(const struct plan *plan, struct problems *problems)
{
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (plan->nodes[i].spec->kind == NODE_SOURCE)
            warn_of_source(plan, i, problems);
}
