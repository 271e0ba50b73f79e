// SPDX-License-Identifier: MIT
#include "target.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 300, MAX_RANGE_DIGITS = 9 };

const char *target_split(const char *name, char *host, size_t size)
{
    const char *colon = strrchr(name, ':');
    const char *begin = name, *end = colon;
    if (!colon || colon == name || !colon[1])
        return NULL;
    if (*begin == '[' && end[-1] == ']') {
        begin++;
        end--;
    } else if (memchr(begin, ':', (size_t)(end - begin))) {
        return NULL; // an IPv6 address needs its brackets
    }
    if (end <= begin || (size_t)(end - begin) >= size)
        return NULL;
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    return colon + 1;
}

static const char *add(struct targets *t, const char *name)
{
    char host[LONGEST], *end;
    const char *port = target_split(name, host, sizeof host);
    unsigned long number = port ? strtoul(port, &end, 10) : 0;
    if (!port || *end || number < t->lowest_port || number > 65535)
        return "is no host:port";
    if (t->count == TARGETS_MAX)
        return "makes more than 100000 targets";
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 64;
        char **names = realloc(t->names, room * sizeof *names);
        if (!names)
            return "out of memory";
        t->names = names;
        t->room = room;
    }
    t->names[t->count] = strdup(name);
    return t->names[t->count++] ? NULL : "out of memory";
}

// The first "[a-b]" of text; *end behind it.
static const char *find_range(const char *text, long *low, long *high, const char **end)
{
    for (const char *at = text; (at = strchr(at, '[')); at++) {
        char *stop;
        if (at[1] < '0' || at[1] > '9')
            continue;
        *low = strtol(at + 1, &stop, 10);
        if (*stop != '-' || stop - at > MAX_RANGE_DIGITS || stop[1] < '0' || stop[1] > '9')
            continue;
        const char *second = stop + 1;
        *high = strtol(second, &stop, 10);
        *end = stop + 1;
        if (*stop == ']' && stop - second <= MAX_RANGE_DIGITS)
            return at;
    }
    return NULL;
}

const char *targets_add(struct targets *t, const char *text)
{
    long low, high;
    const char *end;
    if (strlen(text) >= LONGEST)
        return "is too long";
    const char *range = find_range(text, &low, &high, &end);
    if (!range)
        return add(t, text);
    if (low > high)
        return "has a range that is empty";
    for (long i = low; i <= high; i++) {
        char name[LONGEST + 32];
        snprintf(name, sizeof name, "%.*s%ld%s", (int)(range - text), text, i, end);
        const char *wrong = targets_add(t, name);
        if (wrong)
            return wrong;
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int targets_twice(const struct targets *t, const char **twice)
{
    const char **sorted = t->count ? malloc(t->count * sizeof *sorted) : NULL;
    *twice = NULL;
    if (!sorted)
        return t->count ? -1 : 0;
    memcpy(sorted, t->names, t->count * sizeof *sorted);
    qsort(sorted, t->count, sizeof *sorted, compare);
    for (size_t i = 1; i < t->count && !*twice; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            *twice = sorted[i];
    free(sorted);
    return 0;
}

void targets_deinit(struct targets *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->names[i]);
    free(t->names);
    *t = (struct targets){0};
}
