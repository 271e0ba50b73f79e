// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/log.h"
#include "pipeline.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Whole runs with plugins that misbehave, for tests.

enum { PATIENCE_MS = 20000 };

static char run_dir[64];
// Of the next runs; 0: as the pipeline says, and as is good.
static uint32_t run_lanes, run_slots;

static inline void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", run_dir, name);
}

static inline int run_wait(struct engine *engine, int patience_ms)
{
    int state = ENGINE_RUNNING;
    for (int left = patience_ms; left > 0 && state == ENGINE_RUNNING; left -= 10)
        state = (int)engine_wait(engine, 10);
    return state;
}

static inline int run_start(struct pipeline *p, struct engine **engine, const char *yaml,
                            struct error *why)
{
    *engine = NULL;
    int rc = pipeline_load(p, yaml);
    struct engine_config config = {.topology = p->topology,
                                   .registry = p->registry,
                                   .clock = clock_system(),
                                   .has_plugins = true,
                                   .fresh = true,
                                   .lanes = run_lanes,
                                   .workers = run_lanes,
                                   .link_slots = run_slots};
    rc = rc ? rc : engine_new(engine, &config, &p->problems);
    rc = rc ? rc : engine_start(*engine, why);
    pipeline_show(p);
    return rc;
}

// The counters of the last run, by the topology's order of nodes. Names are gone with it.
static struct node_status run_nodes[16];

static inline void run_keep_status(struct engine *engine)
{
    struct engine_status status;
    CU_ASSERT_EQUAL_FATAL(engine_status(engine, &status), 0);
    for (uint32_t i = 0; i < status.node_count && i < 16; i++) {
        run_nodes[i] = status.nodes[i];
        run_nodes[i].name = run_nodes[i].type = NULL;
    }
    engine_status_free(&status);
}

// Runs to the end; the state it ended in, or -1 when it could not begin or its books do not
// balance. The reason in `why`.
static inline int run(const char *yaml, struct error *why)
{
    struct pipeline p;
    struct engine *engine;
    int state = -1;
    struct error books = ERROR_INIT;
    if (!run_start(&p, &engine, yaml, why))
        state = run_wait(engine, PATIENCE_MS);
    if (engine && state != -1)
        run_keep_status(engine);
    if (state == ENGINE_FAILED)
        *why = *engine_error(engine);
    if (state > ENGINE_RUNNING && engine_account(engine, &books)) {
        *why = books;
        state = -1;
    }
    engine_free(engine);
    pipeline_drop(&p);
    return state;
}

// The content of a file; "" when there is none. Until the next call.
static inline const char *content(const char *name)
{
    static char text[1 << 20];
    char path[128];
    path_of(name, path);
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[len] = '\0';
    if (file)
        fclose(file);
    return text;
}

static inline void drop(const char *name)
{
    char path[128];
    path_of(name, path);
    unlink(path);
}

// The lines of a file must be {"n":0} ... {"n":count-1}, without those for which n+1 is a multiple
// of `without` (0: none is missing).
static inline void check_lines(const char *name, int count, int without)
{
    char path[128], line[64], want[64];
    path_of(name, path);
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (int n = 0; n < count; n++) {
        if (without && (n + 1) % without == 0)
            continue;
        snprintf(want, sizeof want, "{\"n\":%d}\n", n);
        CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(line, sizeof line, file));
        CU_ASSERT_STRING_EQUAL_FATAL(line, want);
    }
    CU_ASSERT_PTR_NULL(fgets(line, sizeof line, file));
    fclose(file);
    unlink(path);
}

static inline int run_dir_make(void)
{
    snprintf(run_dir, sizeof run_dir, "/tmp/tidemill-run-XXXXXX");
    log_set_level(LOG_ERROR);
    return mkdtemp(run_dir) && !chdir(run_dir) ? 0 : 1; // checkpoints go into it as well
}

// Nothing but checkpoints may be left.
static inline int run_dir_drop(void)
{
    int kept = access("state", F_OK) ? 0 : system("rm -r state");
    return kept || chdir("/") || rmdir(run_dir);
}
