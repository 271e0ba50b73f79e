// SPDX-License-Identifier: MIT
#include "kit/ledger.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// The one file that calls the C library's allocator by name: it stands between the plugin and it.

enum { SLOTS_FIRST = 1024 };

struct block {
    void *at; // NULL: free slot
    size_t size;
};

static struct {
    pthread_mutex_t lock;
    struct block *slots; // open addressing, a power of two
    size_t cap;
    struct ledger_sum sum;
    uint64_t calls, fail_at;
    int failed;
} ledger = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t home(const void *at)
{
    return (size_t)(((uintptr_t)at >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20);
}

static struct block *slot_of(struct block *slots, size_t cap, const void *at)
{
    size_t i = home(at) & (cap - 1);
    while (slots[i].at && slots[i].at != at)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static void grow(void)
{
    size_t cap = ledger.cap ? ledger.cap * 2 : SLOTS_FIRST;
    struct block *slots = calloc(cap, sizeof *slots);
    if (!slots)
        abort(); // in the child: a finding of its own
    for (size_t i = 0; i < ledger.cap; i++)
        if (ledger.slots[i].at)
            *slot_of(slots, cap, ledger.slots[i].at) = ledger.slots[i];
    free(ledger.slots);
    ledger.slots = slots;
    ledger.cap = cap;
}

static void forget(const void *at)
{
    struct block *slot = ledger.cap ? slot_of(ledger.slots, ledger.cap, at) : NULL;
    if (!slot || !slot->at)
        return;
    ledger.sum.blocks--;
    ledger.sum.bytes -= slot->size;
    slot->at = NULL;
    // Those behind it move up, so that no search ends too early.
    size_t mask = ledger.cap - 1, hole = (size_t)(slot - ledger.slots);
    for (size_t i = (hole + 1) & mask; ledger.slots[i].at; i = (i + 1) & mask) {
        size_t want = home(ledger.slots[i].at) & mask;
        if (((i - want) & mask) < ((i - hole) & mask))
            continue;
        ledger.slots[hole] = ledger.slots[i];
        ledger.slots[i].at = NULL;
        hole = i;
    }
}

static void keep(void *at, size_t size)
{
    if (!at)
        return;
    forget(at); // freed by somebody else meanwhile
    if ((ledger.sum.blocks + 1) * 2 > ledger.cap)
        grow();
    *slot_of(ledger.slots, ledger.cap, at) = (struct block){at, size};
    ledger.sum.blocks++;
    ledger.sum.bytes += size;
}

// True: this allocation is to fail. With the lock held.
static bool is_to_fail(void)
{
    ledger.calls++;
    if (!ledger.fail_at || --ledger.fail_at)
        return false;
    ledger.failed = 1;
    errno = ENOMEM;
    return true;
}

static void *note(void *at, size_t size)
{
    keep(at, size);
    pthread_mutex_unlock(&ledger.lock);
    return at;
}

static bool begin(void)
{
    pthread_mutex_lock(&ledger.lock);
    return !is_to_fail();
}

static void *counted_malloc(size_t size)
{
    return note(begin() ? malloc(size) : NULL, size);
}

static void *counted_calloc(size_t count, size_t size)
{
    return note(begin() ? calloc(count, size) : NULL, count * size);
}

static void *counted_realloc(void *old, size_t size)
{
    void *at = NULL;
    const void *volatile was = old; // a number from here on: nothing is read through it
    if (begin()) {
        at = realloc(old, size);
        if (at || !size)
            forget(was);
    }
    return note(at, size);
}

static void *counted_reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return counted_realloc(old, bytes);
}

static void counted_free(void *at)
{
    pthread_mutex_lock(&ledger.lock);
    if (at)
        forget(at);
    pthread_mutex_unlock(&ledger.lock);
    free(at);
}

static char *counted_strdup(const char *text)
{
    return note(begin() ? strdup(text) : NULL, strlen(text) + 1);
}

static char *counted_strndup(const char *text, size_t len)
{
    return note(begin() ? strndup(text, len) : NULL, len + 1);
}

static void *counted_aligned_alloc(size_t align, size_t size)
{
    return note(begin() ? aligned_alloc(align, size) : NULL, size);
}

static int counted_posix_memalign(void **out, size_t align, size_t size)
{
    int code = begin() ? posix_memalign(out, align, size) : ENOMEM;
    (void)note(code ? NULL : *out, size);
    return code;
}

static const struct hook {
    const char *name;
    uintptr_t replacement;
} hooks[] = {
    {"malloc", (uintptr_t)counted_malloc},
    {"calloc", (uintptr_t)counted_calloc},
    {"realloc", (uintptr_t)counted_realloc},
    {"reallocarray", (uintptr_t)counted_reallocarray},
    {"free", (uintptr_t)counted_free},
    {"strdup", (uintptr_t)counted_strdup},
    {"__strdup", (uintptr_t)counted_strdup},
    {"strndup", (uintptr_t)counted_strndup},
    {"__strndup", (uintptr_t)counted_strndup},
    {"aligned_alloc", (uintptr_t)counted_aligned_alloc},
    {"posix_memalign", (uintptr_t)counted_posix_memalign},
};

// -- the plugin's relocations --

struct tables {
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * rela, *plt;
    size_t rela_size, plt_size;
};

static void read_tables(const ElfW(Dyn) * dyn, struct tables *t)
{
    for (; dyn->d_tag != DT_NULL; dyn++) {
        if (dyn->d_tag == DT_SYMTAB)
            t->symbols = (const void *)dyn->d_un.d_ptr;
        else if (dyn->d_tag == DT_STRTAB)
            t->names = (const void *)dyn->d_un.d_ptr;
        else if (dyn->d_tag == DT_RELA)
            t->rela = (const void *)dyn->d_un.d_ptr;
        else if (dyn->d_tag == DT_RELASZ)
            t->rela_size = dyn->d_un.d_val;
        else if (dyn->d_tag == DT_JMPREL)
            t->plt = (const void *)dyn->d_un.d_ptr;
        else if (dyn->d_tag == DT_PLTRELSZ)
            t->plt_size = dyn->d_un.d_val;
    }
}

static int set_slot(uintptr_t address, uintptr_t value)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = address / page * page;
    if (mprotect((void *)first, page, PROT_READ | PROT_WRITE)) // may be read-only after relocation
        return -1;
    memcpy((void *)address, &value, sizeof value);
    return 0;
}

static int set_slots(const struct tables *t, uintptr_t base, const ElfW(Rela) * rela, size_t size)
{
    for (size_t i = 0; i < size / sizeof *rela; i++) {
        size_t symbol = ELF64_R_SYM(rela[i].r_info);
        const char *name = symbol ? t->names + t->symbols[symbol].st_name : "";
        bool own = symbol && t->symbols[symbol].st_shndx != SHN_UNDEF; // its own function
        for (size_t h = 0; !own && h < sizeof hooks / sizeof *hooks; h++)
            if (!strcmp(name, hooks[h].name) &&
                set_slot(base + rela[i].r_offset, hooks[h].replacement))
                return -1;
    }
    return 0;
}

int ledger_open(const tide_plugin *plugin)
{
    Dl_info info;
    void *found = NULL;
    struct tables t = {0};
    if (!dladdr1(plugin, &info, &found, RTLD_DL_LINKMAP) || !found)
        return -1;
    const struct link_map *map = found;
    read_tables(map->l_ld, &t);
    if (!t.symbols || !t.names)
        return -1;
    return set_slots(&t, map->l_addr, t.rela, t.rela_size) ||
                   set_slots(&t, map->l_addr, t.plt, t.plt_size)
               ? -1
               : 0;
}

struct ledger_sum ledger_sum(void)
{
    pthread_mutex_lock(&ledger.lock);
    struct ledger_sum sum = ledger.sum;
    pthread_mutex_unlock(&ledger.lock);
    return sum;
}

uint64_t ledger_calls(void)
{
    pthread_mutex_lock(&ledger.lock);
    uint64_t calls = ledger.calls;
    pthread_mutex_unlock(&ledger.lock);
    return calls;
}

void ledger_fail_at(uint64_t n)
{
    pthread_mutex_lock(&ledger.lock);
    ledger.fail_at = n;
    ledger.failed = 0;
    pthread_mutex_unlock(&ledger.lock);
}

int ledger_failed(void)
{
    pthread_mutex_lock(&ledger.lock);
    int failed = ledger.failed;
    pthread_mutex_unlock(&ledger.lock);
    return failed;
}
