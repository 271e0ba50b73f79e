// SPDX-License-Identifier: MIT
#pragma once
#include "script_fixture.h"
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

// Attacks: each runs on one record of a script, and has to end within its time and its memory, with
// script:line; the record behind it goes through, and so does one of another operator.

struct attack {
    const char *name;
    const char *body;  // of function(r); line 3 of t.lua
    const char *error; // NULL: the record goes through
    const char *head;  // line 1 of the file, before the function; may be NULL
};

enum { ATTACK_TIME_MS = 100, ATTACK_LATE_MS = 50, ATTACK_MEMORY = 8 << 20 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEES_MEMORY = 0 }; // the sanitizer's own comes on top
#else
enum { SEES_MEMORY = 1 };
#endif

static inline int64_t attack_cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Makes the peak what the process holds now.
static inline void attack_forget_peak(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, "5", 1);
    close(fd);
}

static inline long attack_status_kib(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kib = 0;
    size_t len = strlen(name);
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, len) == 0)
            kib = strtol(line + len + 1, NULL, 10);
    }
    if (file)
        fclose(file);
    return kib;
}

struct attack_cost {
    int64_t ms;
    long kib; // the peak above what was there before
};

static inline bool attack_bounded(const struct attack *attack, const struct attack_cost *cost)
{
    // Twice the cap: a table or stack that grows holds its old half while it is copied; and the
    // same again for what is written into the batch.
    bool fine = cost->ms <= ATTACK_TIME_MS + ATTACK_LATE_MS + TEST_SLACK_MS &&
                (!SEES_MEMORY || cost->kib <= 4 * ATTACK_MEMORY / 1024);
    if (!fine)
        fprintf(stderr, "\n  %s: %lld ms, %ld KiB\n", attack->name, (long long)cost->ms, cost->kib);
    return fine;
}

static inline void attack_check_control(struct fixture *f, struct script *control)
{
    const char *out = fixture_run(f, control, SCRIPT_CALL_MAP, "{\"s\":\"a-b\"}");
    CHECK_TEXT(out, "{\"s\":\"a+b\",\"m\":3,\"t\":\"1,2,3\"}\n");
}

static inline void attack_check(struct fixture *f, const struct attack *attack,
                                struct script *control)
{
    char text[2048];
    (void)snprintf(text, sizeof text,
                   "%s return function(r)\nif r.n == 2 then return r end\n%s\nreturn r\nend",
                   attack->head ? attack->head : "", attack->body);
    struct script *script = fixture_load(f, text);
    CU_ASSERT_PTR_NOT_NULL(script);
    if (!script) {
        fprintf(stderr, "\n  %s: %s\n", attack->name, f->err.text);
        return;
    }
    attack_forget_peak();
    long held = attack_status_kib("VmRSS");
    int64_t before = attack_cpu_ms();
    const char *out = fixture_run(f, script, SCRIPT_CALL_MAP, "{\"n\":1}\n{\"n\":2}\n");
    struct attack_cost cost = {.ms = attack_cpu_ms() - before,
                               .kib = attack_status_kib("VmHWM") - held};
    CU_ASSERT(attack_bounded(attack, &cost));
    size_t len = strlen(out);
    CU_ASSERT(len >= 8 && strcmp(out + len - 8, "{\"n\":2}\n") == 0);
    bool right =
        f->failed == (attack->error ? 1 : 0) &&
        (!attack->error || (strstr(f->err.text, attack->error) && strstr(f->err.text, "t.lua:")));
    CU_ASSERT(right);
    if (!right)
        fprintf(stderr, "\n  %s: %u failed: %s\n", attack->name, f->failed, f->err.text);
    // The same script goes on, and another was never touched.
    (void)fixture_run(f, script, SCRIPT_CALL_MAP, "{\"n\":2}\n");
    CU_ASSERT_EQUAL(f->failed, 0);
    script_free(script);
    attack_check_control(f, control);
}

static inline void attack_all(const struct attack *attacks, size_t count)
{
    struct fixture f;
    fixture_init(&f);
    struct script *control =
        fixture_load(&f, "local seen = setmetatable({}, {__index = math})\n"
                         "return function(r) r.s = r.s:gsub('%-', '+') r.m = seen.max(1, 3)\n"
                         "r.t = table.concat({1, 2, 3}, ',') return r end");
    CU_ASSERT_PTR_NOT_NULL_FATAL(control);
    for (size_t i = 0; i < count; i++)
        attack_check(&f, &attacks[i], control);
    script_free(control);
    fixture_deinit(&f);
}
#define ATTACK_ALL(attacks) attack_all(attacks, sizeof(attacks) / sizeof *(attacks))
