// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/option.h"

#include <jansson.h>
#include <stdbool.h>

// Option tables as JSON Schema (draft 7). A schema sees the values that a YAML reader makes, where
// `5`, `5s` and `no` have types of their own; the tables take them all as text. So each scalar is
// allowed in every spelling that the tables read, and as text with an interpolation in it.

// The properties of the tables (each may be NULL), a later one before an earlier one; what is
// required goes to `required`, unless `overlay`: a file that is merged over another needs nothing.
void schema_add_rows(json_t *properties, json_t *required, const tide_option *table, bool overlay);
// A closed object of these tables. Owned by the caller.
json_t *schema_object(const tide_option *const *tables, unsigned count, bool overlay);
// What the others refer to: "text", "integer", "duration", ... Owned by the caller.
json_t *schema_definitions(void);
json_t *schema_refer(const char *definition);        // {"$ref": "#/definitions/..."}
json_t *schema_any_of(json_t *one, json_t *another); // takes both
