// SPDX-License-Identifier: MIT
#pragma once
#include "support/nomem.h"
#include "support/plugin_test.h"
#include <dlfcn.h>

// Walks through every allocation of a plugin: a small whole life of an instance is lived again and
// again, with the n-th allocation failing, n from 1 until none does; then so that all after it fail
// too.

// Lives once; the result that it came to, with the reason in `why` when that is below 0. It checks
// itself that what was delivered is right: with a result of 0 or more, all of it.
typedef tide_result (*nomem_life)(char why[1024]);

struct nomem_table { // of the plugin, or of the host
    void (*fail_at)(uint64_t n, bool and_all_after);
    uint64_t (*fail_count)(void);
};

// A function of the plugin's library, which is loaded and stays.
static inline void nomem_find(const char *name, void *function, size_t size)
{
    void *library = dlopen(PLUGIN_FILE, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, name) : NULL;
    if (!symbol)
        abort();
    memcpy(function, &symbol, size);
}

// What the plugin has not freed; its threads may need a moment.
static inline int64_t nomem_left(void)
{
    int64_t (*count)(void);
    nomem_find("nomem_live", &count, sizeof count);
    for (int i = 0; i < 1000 && count() != 0; i++)
        usleep(1000);
    return count();
}

// The host's buffers run out of memory as well.
static inline int nomem_put(tide_buf *buf, const void *bytes, size_t len)
{
    static bool (*hit)(void);
    if (!hit)
        nomem_find("nomem_hit", &hit, sizeof hit);
    if (hit())
        return -1;
    struct fake_host plain;
    fake_host_init(&plain);
    int code = plain.table.put(buf, bytes, len);
    fake_host_deinit(&plain);
    return code;
}

static inline void nomem_subject(struct subject *s)
{
    subject_init(s);
    s->host.table.put = nomem_put;
}

static inline int says_so(const char *why)
{
    return strcasestr(why, "memory") || strstr(why, "Resource temporarily unavailable");
}

static inline void nomem_walk(nomem_life life, const struct nomem_table *table, bool and_all_after)
{
    enum { ENOUGH = 20000 };
    uint64_t n = 1;
    for (; n < ENOUGH; n++) {
        char why[1024] = "";
        table->fail_at(n, and_all_after);
        tide_result result = life(why);
        uint64_t failed = table->fail_count();
        table->fail_at(0, false);
        int64_t leaked = nomem_left();
        CU_ASSERT_EQUAL(leaked, 0);
        int told = result >= 0 || (failed && says_so(why));
        CU_ASSERT_TRUE(told);
        if (leaked || !told)
            fprintf(stderr, "allocation %llu%s: %lld leaked; result %d, '%s'\n",
                    (unsigned long long)n, and_all_after ? " and all after" : "", (long long)leaked,
                    result, why);
        if (!failed)
            break;
    }
    CU_ASSERT_TRUE(n > 1 && n < ENOUGH); // some can fail, and not without end
}

static inline void nomem_each(nomem_life life)
{
    struct nomem_table table;
    nomem_find("nomem_fail_at", &table.fail_at, sizeof table.fail_at);
    nomem_find("nomem_fail_count", &table.fail_count, sizeof table.fail_count);
    nomem_walk(life, &table, false);
    nomem_walk(life, &table, true);
}

// What a host that failed says, for `why`.
static inline tide_result nomem_end(const struct fake_host *host, tide_result result,
                                    char why[1024])
{
    if (result < 0)
        snprintf(why, 1024, "%s", host->reason);
    return result;
}
