// SPDX-License-Identifier: MIT
#include "cli/json_memory.h"

#include "base/alloc.h"

#include <jansson.h>
#include <stdatomic.h>

static atomic_bool failed;

static void *get(size_t size)
{
    void *memory = mem_alloc(size);
    if (!memory)
        atomic_store(&failed, true);
    return memory;
}

void json_memory_init(void)
{
    atomic_store(&failed, false);
    json_set_alloc_funcs(get, mem_free);
}

bool json_memory_failed(void)
{
    return atomic_load(&failed);
}
