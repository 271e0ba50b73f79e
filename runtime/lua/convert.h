// SPDX-License-Identifier: MIT
#pragma once
#include "lua/vm.h"
#include "record/node.h"

// Values between Lua and records. All of these may raise; nothing is held while they do.
//
//   Lua to JSON   integers and floats stay what they are; NaN and infinities are errors; strings
//                 must be UTF-8; `null`; records and nested values are copied; tables: keys 1..n
//                 (or array{}) an array, string keys or {} an object with its names sorted; holes,
//                 other keys and cycles are errors
//   JSON to Lua   absent and null are nil; in arrays and in pairs null is `null`

enum { CONVERT_DEPTH = 100 };

// Pushes a scalar. [-0, +1]
void convert_push(lua_State *L, struct value value);
// The same, with null as `null`. [-0, +1]
static inline void convert_push_element(lua_State *L, struct value value)
{
    if (value.type == VALUE_NULL)
        lua_pushlightuserdata(L, VM_NULL);
    else
        convert_push(L, value);
}
// Any value as Lua tables, whole. Nodes are read in `batch`. [-0, +1]
void convert_push_deep(lua_State *L, struct batch *batch, struct value value);

// Text that the runtime itself wrote as JSON, as a value: nested ones as text. Bytes live in
// `batch`, or where `text` is.
struct value convert_json(lua_State *L, struct batch *batch, const char *text, size_t len);
// The node of a nested value; text is entered.
struct node *convert_node(lua_State *L, struct batch *batch, struct value value);

// The Lua value at `index` as a value whose bytes live in `batch`. nil is VALUE_ABSENT. `what`
// names it in errors: "field 'x'". [-0, +0]
struct value convert_value(lua_State *L, struct batch *batch, int index, const char *what);
// A string that is checked to be UTF-8, copied into `batch`.
struct value convert_string(lua_State *L, struct batch *batch, int index, const char *what);
// Replaces all members of `record` by those of the table, record or object at `index`; time,
// origin and headers stay. [-0, +0]
void convert_record(lua_State *L, struct batch *batch, int index, struct record *record);
// True for what can become a record: tables, records, objects.
bool convert_is_object(lua_State *L, int index);

// array{}: marks the table on the top, and asks for the mark. [-0, +0]
void convert_mark_array(lua_State *L);
bool convert_is_marked(lua_State *L, int index);
