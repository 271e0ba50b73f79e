// SPDX-License-Identifier: MIT
#include "base/buf.h"
#include "lua/convert.h"
#include "lua/handle.h"
#include "lua/sandbox.h"
#include "record/json.h"
#include "record/record_inline.h"

// json.encode(value) and json.decode(text): the runtime's own reader and writer. What is decoded is
// plain tables, arrays marked as such, null as `null`.

enum { ENCODED_MAX = 16 << 20 };

static int encode(lua_State *L) // (value)
{
    luaL_checkany(L, 1);
    struct batch *scratch = vm_scratch(vm_of(L));
    struct value value = convert_value(L, scratch, 1, "json.encode");
    if (value.type == VALUE_ABSENT)
        value = value_null();
    struct buf text;
    buf_init(&text, ENCODED_MAX);
    int rc = json_write_value(value, &text, &vm_of(L)->last);
    handle_push_buf(L, &text, rc); // value text
    return 1;
}

// The index of a text takes up to some 50 times its size, so that the memory limit bounds that too.
static struct json_reader *reader_of(lua_State *L, struct vm *vm)
{
    enum { SIZE_MAX_BYTES = 1 << 20, INDEX = 64 };
    size_t size = vm->cap / INDEX < SIZE_MAX_BYTES ? vm->cap / INDEX : SIZE_MAX_BYTES;
    struct json_limits limits = {.depth = CONVERT_DEPTH, .size = (uint32_t)size, .members = 4096};
    if (!vm->json)
        vm->json = json_reader_new(vm->shapes, &limits);
    if (!vm->json)
        vm_raise(L, ERR_NOMEM, NULL);
    return vm->json;
}

static void push_members(lua_State *L, struct batch *batch, struct record *record)
{
    lua_createtable(L, 0, (int)record->shape->count); // table
    for (uint32_t i = 0; i < record->shape->count; i++) {
        const struct shape_name *name = &record->shape->names[i];
        lua_pushlstring(L, name->bytes, name->len);                          // table name
        convert_push_deep(L, batch, record_read(batch, record, (int32_t)i)); // table name v
        lua_rawset(L, -3);                                                   // table
    }
}

static int decode(lua_State *L) // (text)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct vm *vm = vm_of(L);
    struct json_reader *reader = reader_of(L, vm);
    struct batch *scratch = vm_scratch(vm);
    struct record record;
    record_init(&record, shape_empty(vm->shapes));
    int rc = json_read(reader, scratch, text, len, 0, &record, &vm->last);
    if (rc != 0)
        vm_raise(L, rc, rc == ERR_NOMEM ? NULL : vm->last.text);
    if (record.flags & RECORD_WHOLE)
        convert_push_deep(L, scratch, record_read(scratch, &record, 0)); // text value
    else
        push_members(L, scratch, &record); // text value
    return 1;
}

void library_json(lua_State *L)
{
    static const luaL_Reg functions[] = {{"encode", encode}, {"decode", decode}, {NULL, NULL}};
    luaL_newlib(L, functions);   // globals json
    lua_setfield(L, -2, "json"); // globals
}
