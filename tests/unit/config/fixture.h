// SPDX-License-Identifier: MIT
#pragma once
#include "base/alloc.h"
#include "config/problems.h"
#include "config/text.h"
#include "unit/config/catalogue.h"
#include "support/unit.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// Loads YAML texts against the mock catalogue and compares what is said.

struct loaded {
    struct topology *topology;
    struct problems problems;
    int code;
};

static inline struct loaded load_text(const char *text, const char *const *sets, uint32_t set_count)
{
    static const char *const files[] = {"t.yaml"};
    struct loaded loaded = {0};
    struct topology_input input = {
        .files = files, .file_count = 1, .text = text, .sets = sets, .set_count = set_count};
    problems_init(&loaded.problems);
    loaded.code = topology_load(&loaded.topology, &input, &mock_catalogue, &loaded.problems);
    return loaded;
}

static inline struct loaded load_paths(const char *const *files, uint32_t count)
{
    struct loaded loaded = {0};
    struct topology_input input = {.files = files, .file_count = count};
    problems_init(&loaded.problems);
    loaded.code = topology_load(&loaded.topology, &input, &mock_catalogue, &loaded.problems);
    return loaded;
}

static inline void unload(struct loaded *loaded)
{
    topology_free(loaded->topology);
    problems_deinit(&loaded->problems);
}

// All problems as they are printed, without source lines; the caller frees it.
static inline char *said(const struct problems *problems)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    if (problems_print(problems, &out, false))
        return NULL;
    struct buf heads;
    buf_init(&heads, 1 << 20);
    const char *line = buf_cstr(&out);
    while (*line) {
        size_t len = strcspn(line, "\n");
        const char *code = memrchr(line, '[', len); // " [unknown-key]" is for test_reasons.c
        size_t shown = code && line[len - 1] == ']' ? (size_t)(code - line) - 1 : len;
        if (*line != ' ') // source lines and carets are indented
            (void)buf_printf(&heads, "%.*s\n", (int)shown, line);
        line += len + (line[len] == '\n');
    }
    char *text = mem_strdup(buf_cstr(&heads));
    buf_deinit(&heads);
    buf_deinit(&out);
    return text;
}

static inline void check_said(const char *name, const struct problems *problems,
                              const char *expected)
{
    char *text = said(problems);
    bool same = text && strcmp(text, expected) == 0;
    if (!same)
        printf("\n%s\n  expected:\n%s  found:\n%s", name, expected, text ? text : "(nothing)");
    CU_ASSERT_TRUE(same);
    mem_free(text);
}

static inline const struct node_spec *node_named(const struct topology *topology, const char *name)
{
    for (uint32_t i = 0; topology && i < topology->node_count; i++)
        if (strcmp(topology->nodes[i].name, name) == 0)
            return &topology->nodes[i];
    return NULL;
}

static char test_dir[64];

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static inline void remove_test_dir(void)
{
    (void)nftw(test_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// A file of that content in a directory of this process, removed at its end. The path is valid for
// the next seven calls.
static inline const char *write_file(const char *name, const void *content, size_t len)
{
    static char paths[8][256];
    static int slot;
    const char *dir = test_dir;
    if (!*dir) {
        strcpy(test_dir, "/tmp/tidemill-config-XXXXXX");
        if (!mkdtemp(test_dir) || atexit(remove_test_dir))
            abort();
    }
    char *path = paths[slot++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(content, 1, len, file) != len || fclose(file))
        abort();
    return path;
}
