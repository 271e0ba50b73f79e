// SPDX-License-Identifier: MIT
#pragma once
#include "config/setting.h"
#include "config/tree.h"

// Checks a map of the tree against option tables and makes settings of it. Every fault is a problem
// with its place; the walk goes on. Settings live in the arena, text is shared with the tree.

// Where in the configuration, for messages: "operators.average.window".
struct where {
    const struct where *up;
    const char *name; // "": left out
};

struct schema {
    struct arena *arena;
    struct tree_pool *pool; // for defaults that are lists or maps
    struct problems *problems;
    int failure; // ERR_NOMEM where only a yes or no could be returned; schema_check returns it
};

enum { SCHEMA_TABLES_MAX = 2 };

// `tables` (count of them, each may be NULL) together say which keys there are; out[i] gets the map
// by tables[i]. A key of several tables is given to each. `open`: other keys are no problem.
// `map` NULL: an empty map at `place`. 0, ERR_NOMEM or ERR_LIMIT.
int schema_check(struct schema *schema, const struct tree *map, struct place place,
                 const struct where *where, const tide_option *const *tables, uint32_t count,
                 bool open, struct tide_config **out);
// Free data: as it is.
int schema_data(struct schema *schema, const struct tree *tree, struct tide_config *out);

// Says which keys of the map are in none of the tables, with the nearest name.
void schema_keys(struct schema *schema, const struct tree *map, const struct where *where,
                 const tide_option *const *tables, uint32_t count);

// -- shared by schema*.c --

// Any value by a row's type; *good false: said.
int schema_value(struct schema *schema, const tide_option *row, int32_t type,
                 const struct tree *tree, const struct where *where, struct tide_config *out,
                 bool *good);

// "operators.average.window" in the arena; "" when memory is out.
const char *where_text(struct schema *schema, const struct where *where);
void schema_say(struct schema *schema, struct place place, const struct where *where,
                enum reason reason, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
// A scalar by a row's type (of an item: LIST's item type). False: said.
bool schema_scalar(struct schema *schema, const tide_option *row, int32_t type,
                   const struct tree *tree, const struct where *where, struct tide_config *out);
// True unless the row is a TEMPLATE and the scalar is none (said), or memory is out (failure).
bool schema_template(struct schema *schema, const tide_option *row, const struct tree *tree,
                     const struct where *where);
// What to expect there: "a duration such as 30s".
const char *schema_expected(int32_t type);
// `null` stands for what is absent, except where it is one of the choices.
bool schema_null_is_choice(const tide_option *row, const struct tree *tree);
