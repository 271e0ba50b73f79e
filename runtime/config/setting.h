// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "config/problems.h"
#include "tidemill/option.h"

// A setting is a value of the configuration after the schema: interpolated, typed, with defaults
// filled in, and with its place for errors that show later. It is what plugins see as tide_config.
// Immutable; owned by the configuration it came from.

// What a plain (unquoted) scalar of free data is in YAML.
enum data_look { LOOKS_TEXT, LOOKS_NULL, LOOKS_BOOL, LOOKS_INT, LOOKS_NUMBER };

struct tide_config {
    const char *name;          // key in the map that holds it, or NULL
    const tide_option *option; // its row; NULL for free data
    const char *text;          // scalars, as written (interpolated); NULL for lists and maps
    int64_t integer;           // INT, DURATION (ms), SIZE; data that looks like an integer
    double number;             // NUMBER, INT; data that looks like a number
    bool flag;                 // BOOL; data that looks like one
    bool is_map, is_list;
    bool given;          // false: a default
    bool secret;         // never show its text
    bool plain;          // data: written without quotes
    enum data_look look; // data: a quoted scalar is LOOKS_TEXT
    uint32_t count;
    struct tide_config *items; // of a list or map (RANGE: `from` and `to`)
    struct place place;
};

// By path ("window.lateness"); NULL when absent.
const struct tide_config *setting_at(const struct tide_config *map, const char *path);
const char *setting_text(const struct tide_config *map, const char *path); // NULL: absent
int64_t setting_int(const struct tide_config *map, const char *path, int64_t absent);
double setting_number(const struct tide_config *map, const char *path, double absent);
bool setting_bool(const struct tide_config *map, const char *path, bool absent);

// As a JSON text; free data keeps its integers, booleans and nulls, other scalars are strings.
// `redact`: "***" for secrets. 0, ERR_NOMEM, ERR_LIMIT.
int setting_json(const struct tide_config *setting, bool redact, struct buf *out);
