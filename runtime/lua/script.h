// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include "base/error.h"
#include "config/setting.h"
#include "record/batch.h"

// A script is one Lua file (or inline text, or a condition) in a VM of its own: limited in memory
// and time, without io, os, debug, load and package, globals read-only after load. What the file
// returned is its contract: a function, an `agg {...}` or a table of functions. State never lives
// here, so a script can be thrown away and replaced.
//
// Records go in as light handles (generation + slot); a handle kept beyond its call is an error by
// its generation. One protected entry a batch: an error of one record leaves it, is reported by
// record, and the rest goes on behind it.
//
// One thread at a time; one script an operator and lane.

struct script;

struct script_limits {
    size_t memory_bytes; // 64 MiB
    int64_t time_ms;     // per record (and for loading), 200
};

struct script_source {
    const char *path; // as found on disk: read, and named in errors
    const char *name; // shown in errors (as written in the YAML)
    const char *text; // inline Lua instead of a file; `name` then is "pipeline.yaml:12"
    size_t text_len;
    const struct tide_config *params; // becomes `conf`; NULL: empty
    struct clock *clock;              // time.now()
    const char *node;                 // for log lines
    struct shape_table *shapes;       // of the lane
    struct script_limits limits;
    const char *lib_dir; // where `require` looks; NULL: lib/ beside `path`
};

enum script_kind { SCRIPT_FUNCTION, SCRIPT_AGG, SCRIPT_TABLE };

// Compiles and runs the file once. ERR_INPUT with script:line: missing, does not compile, raises,
// returns nothing usable, loops, eats memory.
int script_load(struct script **out, const struct script_source *source, struct error *err);
// An expression over a record's fields (`when:`, `routes:`): names are fields, or library functions
// where they are called. Becomes a function.
int script_condition(struct script **out, const struct script_source *source, const char *expr,
                     struct error *err);
// Several expressions in one function, for SCRIPT_CALL_ROUTE. Each is named by its own place.
struct script_expression {
    const char *text;
    const char *name; // as script_source.name; all of one file
};
enum { SCRIPT_ROUTES_MAX = 63 };
int script_routes(struct script **out, const struct script_source *source,
                  const struct script_expression *expressions, uint32_t count, bool all,
                  struct error *err);
void script_free(struct script *script);
enum script_kind script_kind(const struct script *script);
int64_t script_version(const struct script *script);       // of a table or agg; 0: none
const char *script_traceback(const struct script *script); // of the last error; "": there was none
// True when the returned table has a function of that name (SCRIPT_TABLE, and finish of an agg).
bool script_has(const struct script *script, const char *function);

// Places where the script keeps something between records in its own variables, outside of
// `scratch{…}`: "scripts/x.lua:7: 'count' is assigned, and kept between records". It is lost with
// the script. Their number; texts are borrowed from the script.
uint32_t script_kept(const struct script *script, const char *const **out);

// -- filter, map, flat_map, route, value: a whole batch through the function --

enum script_verdict {
    SCRIPT_NEXT,  // go on with the next record
    SCRIPT_PAUSE, // leave with the cursor at this record (full, or retry later)
    SCRIPT_HALT   // leave: on_error says stop
};

struct script_sink {
    void *arg;
    // The function returned for record `index`. `kept`: its first result is true or the record
    // (after a map the record is changed in place; a map that returned another record or table has
    // put that into the slot `index` of the batch). `result`: filter and condition truth.
    // PAUSE here leaves with the cursor behind the record.
    enum script_verdict (*done)(void *arg, uint32_t index, bool kept);
    enum script_verdict (*failed)(void *arg, uint32_t index, const struct error *err);
    // SCRIPT_CALL_ROUTE, instead of done: bit i is set when expression i was true (without `all`:
    // only the first that was). 0: none. PAUSE: not taken, comes again later.
    enum script_verdict (*routed)(void *arg, uint32_t index, uint64_t matches);
    // SCRIPT_CALL_VALUE, instead of done: what the function returned (nil: VALUE_ABSENT); text is
    // valid during the call. PAUSE here leaves with the cursor behind the record.
    enum script_verdict (*valued)(void *arg, uint32_t index, struct value value);
    // True: a record is given back as it was before its function ran when that fails or pauses.
    // flat_map always does so.
    bool marks;
    // Whether the call stack of the next error is wanted; NULL: always.
    bool (*traces)(void *arg);
    // Whether the text of the next error is wanted; NULL: always.
    bool (*reads)(void *arg);

    // flat_map: emit(r, port). The number of a port's name, or -1 with the names there are in
    // `err`.
    int32_t (*port)(void *arg, const char *name, struct error *err);
    // The input record itself is emitted; its cells are shared from here on. PAUSE: not taken, the
    // function is to be run again for this record later, leaving out the emits before this one
    // (the script counts them).
    enum script_verdict (*emit_input)(void *arg, uint32_t index, uint32_t port);
    // The batch to make a record in for that port, with room for one more. NULL: with NEXT nobody
    // wants it; with PAUSE it is full, as above.
    struct batch *(*emit_into)(void *arg, uint32_t index, uint32_t port,
                               enum script_verdict *verdict);
    void (*made)(void *arg); // a record was put into that batch
};

enum script_call {
    SCRIPT_CALL_FILTER,   // truth of the result
    SCRIPT_CALL_MAP,      // must return a record, a table or `drop`; nil is an error
    SCRIPT_CALL_FLAT_MAP, // function(r, emit)
    SCRIPT_CALL_ROUTE,    // of script_routes
    SCRIPT_CALL_VALUE     // a number, text, boolean or nil
};

// Runs records batch->cursor .. count-1, advancing the cursor behind each finished one. 0 when all
// are done or the sink paused; ERR_FATAL when the sink halted; ERR_LIMIT/NOMEM when the VM itself
// cannot go on.
int script_run(struct script *script, enum script_call call, struct batch *batch,
               const struct script_sink *sink, struct error *err);

// -- aggregate: declarative --

enum agg_function {
    AGG_COUNT,
    AGG_SUM,
    AGG_AVG,
    AGG_MIN,
    AGG_MAX,
    AGG_FIRST,
    AGG_LAST,
    AGG_STDDEV,
    AGG_RATE,
    AGG_EWMA,
    AGG_DISTINCT,
    AGG_QUANTILE,
    AGG_TOPK,
    AGG_SUM_EXACT,
    AGG_COLLECT
};

struct agg_column {
    const char *name; // of the result's member
    enum agg_function function;
    const char *field; // path; NULL for count() and rate()
    double parameter;  // the second argument, of functions that have one
};

// The columns of `agg {...}`, in the order of their names. Borrowed from the script.
uint32_t script_agg_columns(const struct script *script, const struct agg_column **out);
// As above from YAML: "sum(receive_bytes)", "count()", "quantile(rtt, 0.95)".
int agg_parse(const char *text, struct agg_column *out, char *field, size_t field_cap,
              struct error *err);
const char *agg_function_name(enum agg_function function);
const char *agg_parameter(enum agg_function function); // its name; NULL: the function has none

struct script_window {
    int64_t start, end; // ms; INT64_MIN / INT64_MAX for the global window
    uint32_t pane;
    const char *key_json; // the key as a JSON value (a compound: an array)
};

// Runs `finish(r, w)` over a result record in place. `*kept` false: dropped.
int script_agg_finish(struct script *script, struct batch *batch, uint32_t index,
                      const struct script_window *window, bool *kept, struct error *err);

// -- aggregate: by hand. An accumulator is held by the runtime as JSON bytes between calls. --

// init() into `acc`.
int script_init(struct script *script, struct buf *acc, struct error *err);

struct script_fold {
    void *arg;
    // The accumulator for record `index`: `acc` points at the runtime's buffer for that key and
    // window, which is replaced by the result. NULL: leave this record out (late, filtered).
    // Called once per record; a record in several windows is called again until it says NULL.
    struct buf *(*next)(void *arg, uint32_t index, uint32_t round);
    enum script_verdict (*failed)(void *arg, uint32_t index, const struct error *err);
};
// add(acc, r) for records batch->cursor .., as script_run.
int script_fold(struct script *script, struct batch *batch, const struct script_fold *fold,
                struct error *err);
// merge(a, b) into `a`.
int script_merge(struct script *script, struct buf *a, const struct buf *b, struct error *err);
// finish(acc, w): the result as a made record at the end of `out`. `*kept` false: dropped.
int script_finish(struct script *script, const struct buf *acc, const struct script_window *window,
                  struct batch *out, bool *kept, struct error *err);
