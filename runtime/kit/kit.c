// SPDX-License-Identifier: MIT
#include "kit/kit.h"
#include "kit/checks.h"
#include "kit/child.h"

#include <stdio.h>
#include <string.h>

enum { PARTS = 3, SOURCE = 0, SINK = 1, CONNECTION = 2 };

static const char *const part_names[PARTS] = {"source", "sink", "connection"};

struct check {
    const char *name;
    unsigned parts; // bits
    void (*run)(const struct subject *subject, const struct part *part);
};

static const struct check checks[] = {
    // The first is a whole short life; without it there is no use in the others.
    {"open and close", 7, check_open_close},
    {"leaves nothing behind", 7, check_leftovers},
    {"odd options", 7, check_odd_options},
    {"no memory", 7, check_no_memory},
    {"read", 1 << SOURCE, check_read},
    {"one at a time", 1 << SOURCE, check_one_at_a_time},
    {"full batch", 1 << SOURCE, check_full_batch},
    {"position at every record", 1 << SOURCE, check_positions},
    {"revoke", 1 << SOURCE, check_revoke},
    {"ack", 1 << SOURCE, check_ack},
    {"write", 1 << SINK, check_write},
    {"small batches", 1 << SINK, check_small_batches},
    {"flush", 1 << SINK, check_flush},
    {"tombstone", 1 << SINK, check_tombstone},
    {"commit", 1 << SINK, check_commit},
    {"commit again", 1 << SINK, check_commit_again},
    {"abort", 1 << SINK, check_abort},
    {"crash, then commit", 1 << SINK, check_crash_commit},
    {"crash, then abort", 1 << SINK, check_crash_abort},
    {"crash before prepare", 1 << SINK, check_crash_unprepared},
    {"decides", 1 << CONNECTION, check_decides},
};

struct job {
    const struct kit_options *kit;
    const struct check *check; // NULL: the descriptor
    int part;
};

static void run_descriptor(const struct kit_options *kit)
{
    struct subject subject;
    subject_load(&subject, kit);
    check_descriptor(&subject);
    // The parent, which never loads the plugin, learns from it what there is to check.
    child_note((unsigned)(subject.source.name != NULL) << SOURCE |
               (unsigned)(subject.sink.name != NULL) << SINK |
               (unsigned)(subject.connection.name != NULL) << CONNECTION);
}

static void run_job(const void *arg)
{
    const struct job *job = arg;
    struct subject subject;
    if (!job->check) {
        run_descriptor(job->kit);
        return;
    }
    subject_load(&subject, job->kit);
    const struct part *parts[PARTS] = {&subject.source, &subject.sink, &subject.connection};
    if (job->part == SOURCE)
        feed(&subject);
    job->check->run(&subject, parts[job->part]);
}

static int run_part(const struct kit_options *kit, int part,
                    void (*tell)(void *arg, const struct kit_result *), void *arg, bool *wrong,
                    struct error *err)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks && !*wrong; i++) {
        struct job job = {kit, &checks[i], part};
        struct kit_result result;
        char name[sizeof result.name];
        if (!(checks[i].parts & 1u << part))
            continue;
        (void)snprintf(name, sizeof name, "%s: %s", part_names[part], checks[i].name);
        int code = child_run(name, kit->timeout_ms, run_job, &job, &result, err);
        if (code)
            return code;
        *wrong = result.status == KIT_WRONG;
        tell(arg, &result);
        if (i == 0 && result.status == KIT_FAIL)
            break; // what does not even live would fail in all others for the same reason
    }
    return 0;
}

int kit_run(const struct kit_options *kit, void (*tell)(void *arg, const struct kit_result *),
            void *arg, struct error *err)
{
    struct job first = {kit, NULL, 0};
    struct kit_result result;
    int code = child_run("descriptor", kit->timeout_ms, run_job, &first, &result, err);
    if (code)
        return code;
    unsigned there = result.note;
    tell(arg, &result);
    bool wrong = result.status == KIT_WRONG || result.status == KIT_FAIL;
    for (int part = 0; part < PARTS && !code && !wrong; part++)
        if (there & 1u << part && (!kit->only || !strcmp(kit->only, part_names[part])))
            code = run_part(kit, part, tell, arg, &wrong, err);
    return code;
}
