// SPDX-License-Identifier: MIT
#include "config/topology.h"
#include "base/alloc.h"
#include "config/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The directory above, as text where that is possible.
static char *parent_of(const char *dir)
{
    const char *slash = strrchr(dir, '/');
    const char *last = slash ? slash + 1 : dir;
    if (strcmp(dir, ".") == 0)
        return mem_strdup("..");
    if (strcmp(last, ".") != 0 && strcmp(last, "..") != 0 && *last)
        return text_dirname(dir);
    char *up = mem_alloc(strlen(dir) + 4);
    if (up)
        (void)snprintf(up, strlen(dir) + 4, "%s/..", dir);
    return up;
}

static int choose(char *const tries[2], const char *name, char *out, size_t cap, struct error *err)
{
    for (int i = 0; i < 2; i++) {
        if (access(tries[i], F_OK) != 0)
            continue;
        if (strlen(tries[i]) >= cap)
            return error_set(err, ERR_INPUT, "'%s': the path is too long", name);
        memcpy(out, tries[i], strlen(tries[i]) + 1);
        return 0;
    }
    if (*name == '/')
        (void)error_set(err, ERR_INPUT, "'%s' is not there", name);
    else
        (void)error_set(err, ERR_INPUT, "'%s' not found: neither '%s' nor '%s' is there", name,
                        tries[0], tries[1]);
    (void)error_as(err, REASON_UNREADABLE_FILE);
    return ERR_INPUT;
}

int topology_find_file(const struct topology *topology, const char *name, char *out, size_t cap,
                       struct error *err)
{
    char *parent = parent_of(topology->dir);
    char *tries[2] = {text_join(topology->dir, name), parent ? text_join(parent, name) : NULL};
    int code = tries[0] && tries[1] ? choose(tries, name, out, cap, err) : error_nomem(err);
    mem_free(tries[0]);
    mem_free(tries[1]);
    mem_free(parent);
    return code;
}
