// SPDX-License-Identifier: MIT
#include "kit/leftovers.h"
#include "base/clock.h"
#include "kit/child.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_END_NS INT64_C(1000000000)

// Entries of a directory of /proc whose names are numbers.
static size_t count_entries(const char *path, void (*each)(void *arg, int number), void *arg)
{
    DIR *dir = opendir(path);
    if (!dir)
        child_wrong("%s: %s", path, strerror(errno));
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (*end || end == entry->d_name || (each && number == dirfd(dir)))
            continue;
        count++;
        if (each)
            each(arg, (int)number);
    }
    closedir(dir);
    return count;
}

size_t leftovers_threads(void)
{
    return count_entries("/proc/self/task", NULL, NULL);
}

static void mark(void *arg, int number)
{
    struct leftovers *out = arg;
    if (number >= 0 && (size_t)number < sizeof out->open * 8)
        out->open[number / 8] |= (unsigned char)(1u << (number % 8));
}

void leftovers_note(struct leftovers *out)
{
    *out = (struct leftovers){.memory = ledger_sum(), .threads = leftovers_threads()};
    out->descriptors = count_entries("/proc/self/fd", mark, out);
}

// What one of the new descriptors is: "pipe:[4711]".
static void name_new(const struct leftovers *before, const struct leftovers *now, char *out,
                     size_t cap)
{
    for (size_t i = 0; i < sizeof now->open * 8; i++) {
        unsigned bit = 1u << (i % 8);
        char path[64];
        if (!(now->open[i / 8] & bit) || before->open[i / 8] & bit)
            continue;
        (void)snprintf(path, sizeof path, "/proc/self/fd/%zu", i);
        ssize_t len = readlink(path, out, cap - 1);
        out[len > 0 ? len : 0] = 0;
        return;
    }
    (void)snprintf(out, cap, "?");
}

static void await_threads(size_t wanted)
{
    int64_t end = clock_mono_ns(clock_system()) + THREADS_END_NS;
    while (leftovers_threads() > wanted && clock_mono_ns(clock_system()) < end)
        (void)poll(NULL, 0, 1);
}

void leftovers_compare(const struct leftovers *before, const char *rule, const char *after)
{
    struct leftovers now;
    await_threads(before->threads);
    leftovers_note(&now);
    if (now.threads > before->threads)
        child_fail(rule, "close ends the threads of the instance", "%zu threads are left after %s",
                   now.threads - before->threads, after);
    if (now.descriptors > before->descriptors) {
        char name[256];
        name_new(before, &now, name, sizeof name);
        child_fail(rule, "close closes what the instance opened",
                   "%zu descriptors are left after %s, one of them %s",
                   now.descriptors - before->descriptors, after, name);
    }
    if (now.memory.blocks > before->memory.blocks)
        child_fail(rule, "close frees what the instance allocated",
                   "%zu allocations of %zu bytes in all are left after %s",
                   now.memory.blocks - before->memory.blocks,
                   now.memory.bytes - before->memory.bytes, after);
}
