// SPDX-License-Identifier: MIT
#include "kit/lent.h"
#include "base/alloc.h"
#include "kit/child.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct region {
    char *base;
    size_t size; // usable, whole pages; the guard page follows
    size_t len;  // as asked for: its last bytes
    const char *what;
};

static struct {
    struct region *items;
    size_t count, cap;
    size_t open; // regions from here on are not taken back
} lent;

void *lent_room(size_t len, const char *what)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (len + page - 1) / page * page;
    char *base =
        mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + size, page, PROT_NONE) ||
        mem_grow(&lent.items, &lent.cap, lent.count + 1, sizeof *lent.items))
        child_wrong("out of memory");
    lent.items[lent.count++] = (struct region){base, size, len, what};
    return base + size - len;
}

void *lent_copy(const void *bytes, size_t len, const char *what)
{
    void *room = lent_room(len, what);
    if (len)
        memcpy(room, bytes, len);
    return room;
}

static void protect(int how)
{
    for (size_t i = lent.open; i < lent.count; i++)
        if (lent.items[i].size && mprotect(lent.items[i].base, lent.items[i].size, how))
            child_wrong("out of memory");
}

void lent_seal(void)
{
    protect(PROT_READ);
}

void lent_take_back(void)
{
    for (size_t i = lent.open; i < lent.count; i++)
        if (lent.items[i].size)
            (void)madvise(lent.items[i].base, lent.items[i].size, MADV_DONTNEED);
    protect(PROT_NONE);
    lent.open = lent.count;
}

bool lent_explain(const void *address, char *out, size_t cap)
{
    uintptr_t at = (uintptr_t)address, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < lent.count; i++) {
        const struct region *region = &lent.items[i];
        uintptr_t base = (uintptr_t)region->base, end = base + region->size;
        if (at < base || at >= end + page)
            continue;
        if (i < lent.open)
            (void)snprintf(out, cap, "touches %s after the call that it was lent for",
                           region->what);
        else if (at >= end)
            (void)snprintf(out, cap, "touches byte %zu of %s, which has %zu",
                           (size_t)(at - end) + region->len, region->what, region->len);
        else
            (void)snprintf(out, cap, "writes into %s, which is lent", region->what);
        return true;
    }
    return false;
}
