// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "lua/vm.h"

#include <string.h>

// The nested values that a call has seen, by number: the numbers stand in their handles. A value
// that is entered twice has the same handle, so that r.a == r.a.

enum { INDEX_MIN = 64 };

static size_t hash_node(const struct node *node)
{
    uint64_t bits = (uintptr_t)node;
    return (size_t)(bits * 0x9e3779b97f4a7c15u >> 32);
}

static uint32_t *find(struct vm_slots *slots, const struct node *node)
{
    size_t mask = slots->index_size - 1;
    size_t at = hash_node(node) & mask;
    while (slots->index[at] && slots->items[slots->index[at]].node != node)
        at = (at + 1) & mask;
    return &slots->index[at];
}

// The index is emptied when a call first needs it, and doubled at half full.
static int make_room(struct vm *vm)
{
    struct vm_slots *slots = &vm->slots;
    if (mem_grow(&slots->items, &slots->cap, slots->count + 1, sizeof *slots->items) != 0)
        return ERR_NOMEM;
    if (slots->index && slots->count * 2 < slots->index_size) {
        if (slots->index_call != vm->call)
            memset(slots->index, 0, slots->index_size * sizeof *slots->index);
        slots->index_call = vm->call;
        return 0;
    }
    size_t size = slots->index_size ? slots->index_size * 2 : INDEX_MIN;
    uint32_t *index = mem_zalloc(size * sizeof *index);
    if (!index)
        return ERR_NOMEM;
    mem_free(slots->index);
    slots->index = index;
    slots->index_size = size;
    slots->index_call = vm->call;
    for (uint32_t i = 1; i < slots->count; i++)
        *find(slots, slots->items[i].node) = i;
    return 0;
}

void *vm_enter(struct vm *vm, struct node *node, struct batch *batch)
{
    struct vm_slots *slots = &vm->slots;
    vm_check_arena(vm_running(vm), vm, batch); // what was read into it counts as well
    if (make_room(vm) != 0)
        vm_stop(vm_running(vm), VM_NOMEM, "out of memory");
    uint32_t *at = find(slots, node);
    if (*at == 0) {
        if (slots->count >= 1u << VM_SLOT_BITS)
            luaL_error(vm_running(vm), "more than %d nested values read in one call",
                       1 << VM_SLOT_BITS);
        slots->items[slots->count] = (struct vm_slot){.node = node, .batch = batch};
        *at = (uint32_t)slots->count++;
    }
    return vm_handle(vm, *at);
}

struct vm_slot *vm_slot(struct vm *vm, const void *handle)
{
    uintptr_t bits = (uintptr_t)handle;
    size_t slot = bits & ((1u << VM_SLOT_BITS) - 1);
    if (bits >> VM_SLOT_BITS != (vm->call & (UINT64_MAX >> VM_SLOT_BITS)) || slot == 0 ||
        slot >= vm->slots.count)
        return NULL;
    return &vm->slots.items[slot];
}
