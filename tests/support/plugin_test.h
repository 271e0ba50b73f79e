// SPDX-License-Identifier: MIT
#pragma once
#include "support/fake_host.h"
#include "support/unit.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What the tests of plugins share: a source or sink in a fake host, and a scratch directory that
// is the working directory, so that paths are short. PLUGIN_FILE is the plugin's .so.

struct subject {
    struct fake_host host;
    const tide_plugin *plugin;
    void *self;
};

// Descriptors and threads that the process has.
static inline int count_entries(const char *path)
{
    DIR *entries = opendir(path);
    int n = 0;
    while (entries && readdir(entries))
        n++;
    if (entries)
        closedir(entries);
    return n;
}

// What an instance opens and starts it closes and ends: looked at when the last one is closed. (A
// thread that was joined may be listed for a moment.) A test that has descriptors and threads of
// its own come and go meanwhile defines TEST_OPENS_MORE.
static inline void leftovers(int opened, int closed)
{
    static int live, descriptors, threads;
    if (opened && live++ == 0) {
        descriptors = count_entries("/proc/self/fd");
        threads = count_entries("/proc/self/task");
    }
    if (!closed || --live > 0)
        return;
#ifdef TEST_OPENS_MORE
    (void)descriptors;
    (void)threads;
#else
    CU_ASSERT_EQUAL(count_entries("/proc/self/fd"), descriptors);
#ifdef __SANITIZE_THREAD__ // starts a thread of its own beside the first
    threads++;
#endif
    for (int i = 0; i < 1000 && count_entries("/proc/self/task") > threads; i++)
        usleep(1000);
    CU_ASSERT_TRUE(count_entries("/proc/self/task") <= threads);
#endif
}

static inline void subject_init(struct subject *s)
{
    fake_host_init(&s->host);
    s->plugin = fake_load(PLUGIN_FILE);
    s->self = NULL;
}

static inline tide_result source_open(struct subject *s)
{
    fake_defaults(&s->host, s->plugin->source->options);
    leftovers(!s->self, 0);
    return s->plugin->source->open(&s->host.table, fake_ctx(&s->host), &s->self);
}

static inline tide_result sink_open(struct subject *s)
{
    fake_defaults(&s->host, s->plugin->sink->options);
    leftovers(!s->self, 0);
    return s->plugin->sink->open(&s->host.table, fake_ctx(&s->host), &s->self);
}

// Both forget the instance and its host.
static inline void source_close(struct subject *s)
{
    if (s->self)
        s->plugin->source->close(s->self);
    leftovers(0, s->self != NULL);
    fake_host_deinit(&s->host);
}

static inline void sink_close(struct subject *s)
{
    if (s->self)
        s->plugin->sink->close(s->self);
    leftovers(0, s->self != NULL);
    fake_host_deinit(&s->host);
}

static inline void scratch_enter(char dir[64])
{
    strcpy(dir, "/tmp/tidemill-test-XXXXXX");
    if (!mkdtemp(dir) || chdir(dir) < 0)
        abort();
}

static inline void scratch_remove(const char *dir)
{
    DIR *entries = opendir(dir);
    for (struct dirent *e; entries && (e = readdir(entries));) {
        char *path;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (asprintf(&path, "%s/%s", dir, e->d_name) < 0)
            abort();
        if (unlink(path) < 0)
            scratch_remove(path);
        free(path);
    }
    if (entries)
        closedir(entries);
    rmdir(dir);
}

static inline void scratch_leave(const char *dir)
{
    if (chdir("/") == 0)
        scratch_remove(dir);
}

static inline void write_file(const char *path, const char *text, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0666);
    size_t len = strlen(text);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len)
        abort();
    close(fd);
}

// The whole file as text; "" when it is not there. The caller frees.
static inline char *file_text(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    size_t size = fd >= 0 && fstat(fd, &st) == 0 ? (size_t)st.st_size : 0;
    char *text = calloc(1, size + 1);
    if (!text || (fd >= 0 && read(fd, text, size) != (ssize_t)size))
        abort();
    if (fd >= 0)
        close(fd);
    return text;
}

static inline void check_file(const char *path, const char *want)
{
    char *text = file_text(path);
    CU_ASSERT_STRING_EQUAL(text, want);
    if (strcmp(text, want) != 0)
        fprintf(stderr, "%s holds '%s', not '%s'\n", path, text, want);
    free(text);
}

static inline int text_has(const char *text, const char *part)
{
    if (strstr(text, part))
        return 1;
    fprintf(stderr, "'%s' does not contain '%s'\n", text, part);
    return 0;
}
