// SPDX-License-Identifier: MIT
#define MORE_PLUGINS PLUGINS
#include "run.h"
#include "state/journal.h"
#include "base/io.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

// The durable buffer of a source that cannot be read again: the standard input, a pipe.

enum { LINES = 300000, HALF = LINES / 2 };

struct writer {
    pthread_t thread;
    int fd, kept; // the test's own standard input
    atomic_int written;
    sem_t go_on; // behind the first half
};

// For as long as anything here is waited for; then the lines that are missing tell.
static void wait_for(sem_t *go_on)
{
    struct timespec by;
    clock_gettime(CLOCK_REALTIME, &by);
    by.tv_sec += PATIENCE_MS / 1000;
    while (sem_timedwait(go_on, &by) && errno == EINTR)
        ;
}

static void *write_lines(void *arg)
{
    struct writer *writer = arg;
    FILE *out = fdopen(writer->fd, "w");
    for (int n = 0; n < LINES; n++) {
        if (n == HALF) {
            fflush(out);
            wait_for(&writer->go_on);
        }
        fprintf(out, "{\"n\":%d}\n", n);
        atomic_store(&writer->written, n + 1);
    }
    fclose(out);
    return NULL;
}

static void begin(struct writer *writer)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    *writer = (struct writer){.fd = ends[1], .kept = dup(0)};
    CU_ASSERT_EQUAL_FATAL(sem_init(&writer->go_on, 0, 0), 0);
    dup2(ends[0], 0);
    close(ends[0]);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&writer->thread, NULL, write_lines, writer), 0);
}

static void end(struct writer *writer)
{
    pthread_join(writer->thread, NULL);
    sem_destroy(&writer->go_on);
    dup2(writer->kept, 0);
    close(writer->kept);
}

static void start(struct pipeline *p, struct engine **engine, const char *name, const char *every,
                  const char *options)
{
    char yaml[1024], out[128];
    struct error why = ERROR_INIT;
    path_of("out", out);
    snprintf(yaml, sizeof yaml,
             "pipeline: %s\ndelivery: exactly_once\ncheckpoint: %s\n"
             "sources: { in: { type: stdio, %s } }\n"
             "sinks: { out: { type: file, inputs: in, path: %s } }\n",
             name, every, options, out);
    int rc = run_start(p, engine, yaml, &why);
    CU_ASSERT_STRING_EQUAL(why.text, "");
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static uint64_t records_out(struct engine *engine)
{
    struct engine_status status;
    CU_ASSERT_EQUAL_FATAL(engine_status(engine, &status), 0);
    uint64_t out = status.nodes[0].out;
    engine_status_free(&status);
    return out;
}

// Nothing is read while the disk takes nothing, and nothing is missing when it does again. No
// checkpoint is under way then: a sync that fails is another matter.
static void test_full_disk(void)
{
    struct writer writer;
    struct pipeline p;
    struct engine *engine;
    begin(&writer);
    start(&p, &engine, "full", "10s", "buffer: { disk: 64MiB, sync: 60s }");
    for (int left = PATIENCE_MS; left > 0 && records_out(engine) < HALF; left -= 10)
        engine_wait(engine, 10);
    CU_ASSERT_EQUAL(records_out(engine), HALF);
    io_fail_at(1, ENOSPC, true);
    sem_post(&writer.go_on);
    for (int left = PATIENCE_MS; left > 0 && io_fail_count() < 2; left -= 10)
        engine_wait(engine, 10);
    CU_ASSERT_EQUAL(engine_wait(engine, 0), ENGINE_RUNNING);
    CU_ASSERT_EQUAL(records_out(engine), HALF); // what is not in the journal goes no further
    io_fail_at(0, 0, false);
    CU_ASSERT_EQUAL(run_wait(engine, PATIENCE_MS), ENGINE_DONE);
    engine_free(engine);
    pipeline_drop(&p);
    end(&writer);
    check_lines("out", LINES, 0);
}

// A slow pipeline: the buffer fills up and the writer of the pipe has to wait.
static void test_size(void)
{
    struct writer writer;
    struct pipeline p;
    struct engine *engine;
    begin(&writer);
    sem_post(&writer.go_on);
    start(&p, &engine, "size", "20ms", "rate: 400000, buffer: { disk: 1MiB }");
    CU_ASSERT_EQUAL(run_wait(engine, PATIENCE_MS), ENGINE_DONE);
    engine_free(engine);
    pipeline_drop(&p);
    end(&writer);
    check_lines("out", LINES, 0);
    struct error err = ERROR_INIT;
    struct journal *journal;
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, "state/size/buffer-in", NULL, &err), 0);
    CU_ASSERT(journal_bytes(journal) <= 1 << 20);
    CU_ASSERT(journal_first(journal) > 0); // what was acknowledged is gone
    CU_ASSERT_EQUAL(journal_close(journal, &err), 0);
}

static CU_TestInfo tests[] = {
    {"a full disk is waited for", test_full_disk},
    {"a full buffer is waited for", test_size},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"buffer", run_dir_make, run_dir_drop, NULL, NULL, tests})
