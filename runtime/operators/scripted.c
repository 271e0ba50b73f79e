// SPDX-License-Identifier: MIT
#include "operators/scripted.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static void fill(struct script_source *source, const struct operator_spec *spec)
{
    const struct tide_config *common = spec->node->common;
    *source = (struct script_source){
        .params = setting_at(common, "params"),
        .clock = spec->clock,
        .node = spec->node->name,
        .shapes = spec->shapes,
        .limits = {.memory_bytes = (size_t)setting_int(common, "limits.memory", 0),
                   .time_ms = setting_int(common, "limits.time", 0)}};
}

void scripted_place(char *out, size_t cap, struct place place, const char *fallback)
{
    if (place.file && place.line)
        (void)snprintf(out, cap, "%s:%u", place.file, place.line);
    else
        (void)snprintf(out, cap, "%s", fallback);
}

// Whoever keeps state in the script itself is told, where it is promised that nothing is lost it is
// refused.
static int check_kept(const struct script *script, const struct operator_spec *spec,
                      struct place place, struct error *err)
{
    const char *const *places;
    uint32_t count = script_kept(script, &places);
    const char *delivery = setting_text(spec->topology->top, "delivery");
    if (count && delivery && strcmp(delivery, "exactly_once") == 0) {
        int rc = error_set(
            err, ERR_INPUT,
            "%s; with exactly_once it would be lost and replayed differently: keep it in an "
            "aggregate, or in scratch{…} if it may be lost",
            places[0]);
        (void)error_as(err, REASON_SCRIPT_STATE);
        return rc;
    }
    for (uint32_t i = 0; i < count && spec->problems; i++)
        problem_warn(spec->problems, place, REASON_SCRIPT_STATE,
                     "%s: %s: it is lost when the script stops or is replaced (scratch{…} is for "
                     "what may be)",
                     spec->node->name, places[i]);
    return 0;
}

static int load(struct script **out, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *file = setting_at(spec->node->common, "script");
    const struct tide_config *text = setting_at(spec->node->common, "lua");
    if (!file == !text)
        return error_set(err, ERR_INPUT, "%s: %s", spec->node->name,
                         file ? "give script: or lua:, not both"
                              : "wants a script: FILE, or lua: with the script itself");
    struct script_source source;
    fill(&source, spec);
    char path[PATH_MAX], name[PATH_MAX];
    if (file) {
        int rc = topology_find_file(spec->topology, file->text, path, sizeof path, err);
        if (rc != 0)
            return rc;
        source.path = path;
        source.name = file->text;
    } else {
        scripted_place(name, sizeof name, text->place, spec->node->name);
        source.name = name;
        source.text = text->text;
        source.text_len = strlen(text->text);
        if (topology_find_file(spec->topology, "scripts/lib", path, sizeof path, NULL) == 0)
            source.lib_dir = path;
    }
    return script_load(out, &source, err);
}

int scripted_load_quietly(struct script **out, const struct operator_spec *spec)
{
    return load(out, spec, NULL);
}

int scripted_load(struct script **out, const struct operator_spec *spec, struct error *err)
{
    int rc = load(out, spec, err);
    if (rc != 0)
        return rc;
    const struct tide_config *file = setting_at(spec->node->common, "script");
    const struct tide_config *text = setting_at(spec->node->common, "lua");
    rc = check_kept(*out, spec, file ? file->place : text->place, err);
    if (rc != 0) {
        script_free(*out);
        *out = NULL;
    }
    return rc;
}

int scripted_load_function(struct script **out, const struct operator_spec *spec, struct error *err)
{
    int rc = scripted_load(out, spec, err);
    if (rc != 0)
        return rc;
    if (script_kind(*out) == SCRIPT_FUNCTION)
        return 0;
    const char *what = script_kind(*out) == SCRIPT_AGG ? "agg { … }" : "a table";
    const char *name = setting_text(spec->node->common, "script");
    script_free(*out);
    *out = NULL;
    return error_set(err, ERR_INPUT, "%s: the script of a %s has to return a function, not %s",
                     name ? name : spec->node->name, spec->node->type, what);
}

int scripted_condition(struct script **out, const struct operator_spec *spec,
                       const struct tide_config *setting, struct error *err)
{
    struct script_source source;
    fill(&source, spec);
    char name[PATH_MAX];
    scripted_place(name, sizeof name, setting->place, spec->node->name);
    source.name = name;
    return script_condition(out, &source, setting->text, err);
}

int scripted_routes(struct script **out, const struct operator_spec *spec,
                    const struct script_expression *expressions, uint32_t count, bool all,
                    struct error *err)
{
    struct script_source source;
    fill(&source, spec);
    return script_routes(out, &source, expressions, count, all, err);
}

enum script_verdict scripted_verdict(enum on_error_verdict verdict)
{
    switch (verdict) {
    case ERROR_SKIP:
        return SCRIPT_NEXT;
    case ERROR_RETRY:
        return SCRIPT_PAUSE;
    case ERROR_STOP:
        break;
    }
    return SCRIPT_HALT;
}

bool scripted_traces(void *arg)
{
    return outputs_tells_error(((const struct scripted *)arg)->outputs);
}

bool scripted_reads(void *arg)
{
    return outputs_reads_error(((const struct scripted *)arg)->outputs);
}

enum script_verdict scripted_failed(void *arg, uint32_t index, const struct error *err)
{
    struct scripted *scripted = arg;
    enum on_error_verdict verdict = outputs_error(scripted->outputs, scripted->batch, index, err);
    scripted->stopped |= verdict == ERROR_STOP;
    return scripted_verdict(verdict);
}

enum op_status scripted_run(struct scripted *scripted, enum script_call call, struct batch *batch,
                            struct outputs *outputs, const struct script_sink *sink)
{
    scripted->outputs = outputs;
    scripted->batch = batch;
    struct error err = ERROR_INIT;
    int rc = script_run(scripted->script, call, batch, sink, &err);
    scripted->outputs = NULL;
    scripted->batch = NULL;
    if (rc != 0 || scripted->stopped)
        return OP_STOP;
    return batch->cursor < batch->count ? OP_AGAIN : OP_DONE;
}
