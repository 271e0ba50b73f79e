// SPDX-License-Identifier: MIT
#include "lua/sort.h"
#include "lua/vm.h"

#include <string.h>

enum { FIRST = 4, RUN = 8 }; // stack index of element 1; length of the runs that insertion makes

struct sorter {
    lua_State *L;
    bool function;   // at index 2
    uint32_t *order; // numbers of elements
    uint32_t *other; // as many, for merging
    uint32_t count;
};

static bool less(const struct sorter *sorter, uint32_t a, uint32_t b)
{
    lua_State *L = sorter->L;
    int left = FIRST + (int)a, right = FIRST + (int)b;
    vm_check_time(L);
    if (!sorter->function)
        return lua_compare(L, left, right, LUA_OPLT);
    lua_pushvalue(L, 2);     // less
    lua_pushvalue(L, left);  // less a
    lua_pushvalue(L, right); // less a b
    lua_call(L, 2, 1);       // result
    bool is = lua_toboolean(L, -1);
    lua_pop(L, 1); //
    return is;
}

static void insert_runs(struct sorter *sorter)
{
    uint32_t *order = sorter->order;
    for (uint32_t i = 0; i < sorter->count; i++) {
        uint32_t at = i, start = i / RUN * RUN;
        order[i] = i;
        for (; at > start && less(sorter, i, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

// order[from, middle) and order[middle, to), both sorted, into other[from, to).
static void merge(struct sorter *sorter, uint32_t from, uint32_t middle, uint32_t to)
{
    const uint32_t *order = sorter->order;
    uint32_t *out = sorter->other + from;
    uint32_t left = from, right = middle;
    if (middle < to && !less(sorter, order[middle], order[middle - 1]))
        left = middle; // in order already
    if (left == middle) {
        memcpy(out, order + from, (to - from) * sizeof *out);
        return;
    }
    while (left < middle && right < to)
        *out++ = less(sorter, order[right], order[left]) ? order[right++] : order[left++];
    memcpy(out, order + left, (middle - left) * sizeof *out);
    memcpy(out + (middle - left), order + right, (to - right) * sizeof *out);
}

static void merge_all(struct sorter *sorter)
{
    uint32_t count = sorter->count;
    for (uint32_t width = RUN; width < count; width *= 2) {
        for (uint32_t from = 0; from < count; from += 2 * width) {
            uint32_t middle = from + width < count ? from + width : count;
            uint32_t to = middle + width < count ? middle + width : count;
            merge(sorter, from, middle, to);
        }
        uint32_t *merged = sorter->other;
        sorter->other = sorter->order;
        sorter->order = merged;
    }
}

// Room for the elements; memory that is out ends the call, as everywhere.
static void make_room(lua_State *L, uint32_t count)
{
    struct vm *vm = vm_of(L);
    vm->stop_text[0] = 0;
    if (lua_checkstack(L, (int)count + LUA_MINSTACK))
        return;
    if (vm->stop_text[0])
        vm_stop(L, VM_MEMORY, "%s", vm_memory_text(vm));
    luaL_error(L, "too many elements to sort");
}

void sort_items(lua_State *L, uint32_t count) // t less
{
    make_room(L, count);
    uint32_t *numbers = lua_newuserdatauv(L, 2 * count * sizeof *numbers, 0); // t less numbers
    struct sorter sorter = {.L = L,
                            .function = !lua_isnil(L, 2),
                            .order = numbers,
                            .other = numbers + count,
                            .count = count};
    for (uint32_t i = 0; i < count; i++) {
        lua_geti(L, 1, (lua_Integer)i + 1); // t less numbers elements
        vm_check_time(L);
    }
    insert_runs(&sorter);
    merge_all(&sorter);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushvalue(L, FIRST + (int)sorter.order[i]); // … element
        lua_seti(L, 1, (lua_Integer)i + 1);             // …
        vm_check_time(L);
    }
}
