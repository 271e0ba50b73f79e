// SPDX-License-Identifier: MIT
#pragma once
#include "engine/engine.h"
#include "support/unit.h"

// A pipeline from text, for tests of the engine: registry of the mock plugins (or others),
// catalogue, topology.

#ifndef PIPELINE_PLUGINS
#define PIPELINE_PLUGINS MOCK_PLUGINS
#endif

struct pipeline {
    struct registry *registry;
    struct catalogue *catalogue;
    struct topology *topology;
    struct problems problems;
};

static inline int pipeline_load(struct pipeline *p, const char *text)
{
    struct error err = ERROR_INIT;
    const char *files[] = {"test.yaml"};
    struct topology_input input = {.files = files, .file_count = 1, .text = text};
    *p = (struct pipeline){0};
    problems_init(&p->problems);
    if (registry_new(&p->registry, &err) || registry_add_dir(p->registry, PIPELINE_PLUGINS, &err) ||
#ifdef MORE_PLUGINS
        registry_add_dir(p->registry, MORE_PLUGINS, &err) ||
#endif
        engine_catalogue(&p->catalogue, p->registry, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return ERR_INPUT;
    }
    return topology_load(&p->topology, &input, p->catalogue, &p->problems);
}

static inline void pipeline_show(struct pipeline *p)
{
    for (size_t i = 0; i < p->problems.count; i++)
        fprintf(stderr, "%s\n", p->problems.items[i].text);
}

static inline void pipeline_drop(struct pipeline *p)
{
    topology_free(p->topology);
    engine_catalogue_free(p->catalogue);
    registry_free(p->registry);
    problems_deinit(&p->problems);
}
