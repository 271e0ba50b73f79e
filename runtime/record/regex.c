// SPDX-License-Identifier: MIT
#include "record/regex.h"
#include "base/alloc.h"
#include "record/codec_error.h"
#include "record/codec_kinds.h"
#include "record/codec_record.h"

#ifdef HAVE_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { STACK_LEAST = 32 * 1024, STACK_MOST = 1024 * 1024, HEAP_LIMIT_KIB = 16 * 1024 };

struct group {
    uint32_t number;
    enum typed type;
};

struct regex_decoder {
    struct decoder decoder; // first
    pcre2_general_context *memory;
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    const struct shape *shape;
    const struct shape *empty;
    struct group *groups; // by slot
    uint32_t size_max, match_limit;
};

// -- matching --

static int no_match(struct regex_decoder *regex, int code, struct error *err)
{
    if (code == PCRE2_ERROR_NOMATCH)
        return error_set(err, ERR_DATA, "the line does not match the pattern");
    if (code == PCRE2_ERROR_NOMEMORY)
        return error_nomem(err);
    if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT)
        return error_set(err, ERR_LIMIT,
                         "the pattern takes more than %u steps on the line (match_limit)",
                         regex->match_limit);
    if (code == PCRE2_ERROR_HEAPLIMIT || code == PCRE2_ERROR_JIT_STACKLIMIT)
        return error_set(err, ERR_LIMIT, "the pattern takes too much memory on the line");
    PCRE2_UCHAR text[128] = "";
    (void)pcre2_get_error_message(code, text, sizeof text);
    return error_set(err, ERR_DATA, "the line cannot be matched: %s", (const char *)text);
}

static int set_members(const struct regex_decoder *regex, struct batch *batch,
                       struct record *record, uint32_t found, struct error *err)
{
    const struct shape *shape = regex->shape;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(regex->match);
    struct span *spans = ARENA_ARRAY(&batch->arena, struct span, shape->count);
    if (!spans)
        return error_nomem(err);
    for (uint32_t i = 0; i < shape->count; i++) {
        struct group group = regex->groups[i];
        spans[i] = (struct span){.kind = SPAN_NULL};
        if (group.number >= found || ends[2 * group.number] == PCRE2_UNSET)
            continue;
        uint32_t at = (uint32_t)ends[2 * group.number];
        uint32_t len = (uint32_t)ends[2 * group.number + 1] - at;
        const char *expected = typed_span(group.type, record->raw, at, len, &spans[i]);
        if (expected)
            return codec_expected(err, record->raw, record->raw_len, at, "%s in group '%.*s'",
                                  expected, (int)shape->names[i].len, shape->names[i].bytes);
    }
    record->shape = shape;
    record->spans = spans;
    record->wire = (uint16_t)shape->count;
    return 0;
}

static int decode(struct decoder *decoder, struct batch *batch, const char *bytes, size_t len,
                  size_t pad, struct record *record, struct error *err)
{
    struct regex_decoder *regex = (struct regex_decoder *)decoder;
    (void)pad;
    codec_start(record, regex->empty, bytes, len);
    if (len > regex->size_max)
        return codec_too_long(err, regex->size_max);
    size_t line = codec_trim_line(bytes, len);
    int code = codec_check_utf8(err, bytes, line);
    if (code)
        return code;
    int found = pcre2_match(regex->code, (PCRE2_SPTR)bytes, line, 0, PCRE2_NO_UTF_CHECK,
                            regex->match, regex->context);
    return found < 0 ? no_match(regex, found, err)
                     : set_members(regex, batch, record, (uint32_t)found, err);
}

// -- making --

static void *allocate(size_t size, void *arg)
{
    (void)arg;
    return mem_alloc(size);
}

static void release(void *memory, void *arg)
{
    (void)arg;
    mem_free(memory);
}

static void free_decoder(struct decoder *decoder)
{
    struct regex_decoder *regex = (struct regex_decoder *)decoder;
    pcre2_jit_stack_free(regex->stack);
    pcre2_match_context_free(regex->context);
    pcre2_match_data_free(regex->match);
    pcre2_code_free(regex->code);
    pcre2_general_context_free(regex->memory);
    mem_free(regex->groups);
    mem_free(regex);
}

static int compile(struct regex_decoder *regex, const char *pattern, struct error *err)
{
    int code;
    PCRE2_SIZE at;
    regex->memory = pcre2_general_context_create(allocate, release, NULL);
    pcre2_compile_context *context =
        regex->memory ? pcre2_compile_context_create(regex->memory) : NULL;
    if (!context)
        return error_nomem(err);
    regex->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, context);
    pcre2_compile_context_free(context);
    if (regex->code)
        return 0;
    if (code == PCRE2_ERROR_HEAP_FAILED)
        return error_nomem(err);
    PCRE2_UCHAR text[128] = "";
    (void)pcre2_get_error_message(code, text, sizeof text);
    return error_set(err, ERR_INPUT, "pattern: byte %zu: %s", at, (const char *)text);
}

static int limit(struct regex_decoder *regex, uint32_t match_limit, struct error *err)
{
    regex->match_limit = match_limit;
    regex->match = pcre2_match_data_create_from_pattern(regex->code, regex->memory);
    regex->context = pcre2_match_context_create(regex->memory);
    if (!regex->match || !regex->context)
        return error_nomem(err);
    (void)pcre2_set_match_limit(regex->context, match_limit);
    (void)pcre2_set_depth_limit(regex->context, match_limit);
    (void)pcre2_set_heap_limit(regex->context, HEAP_LIMIT_KIB);
    if (pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE))
        return 0; // it is interpreted
    regex->stack = pcre2_jit_stack_create(STACK_LEAST, STACK_MOST, regex->memory);
    if (!regex->stack)
        return error_nomem(err);
    pcre2_jit_stack_assign(regex->context, NULL, regex->stack);
    return 0;
}

// The named groups, sorted by their numbers.
static void read_groups(const struct regex_decoder *regex, uint32_t count, struct shape_name *names)
{
    PCRE2_SPTR table;
    uint32_t entry = 0;
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, (void *)&table);
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &entry);
    for (uint32_t i = 0; i < count; i++, table += entry) {
        uint32_t number = (uint32_t)table[0] << 8 | table[1], at = i;
        for (; at && regex->groups[at - 1].number > number; at--) {
            regex->groups[at] = regex->groups[at - 1];
            names[at] = names[at - 1];
        }
        const char *name = (const char *)table + 2;
        regex->groups[at] = (struct group){.number = number};
        names[at] = (struct shape_name){.bytes = name, .len = (uint32_t)strlen(name)};
    }
}

static int set_types(struct regex_decoder *regex, const struct regex_options *options,
                     struct error *err)
{
    for (uint32_t i = 0; i < options->type_count; i++) {
        const char *name = options->types[i].name;
        int32_t slot = shape_find(regex->shape, name, (uint32_t)strlen(name));
        if (slot < 0)
            return error_set(err, ERR_INPUT, "types names the group '%s', which is not there",
                             name);
        regex->groups[slot].type = options->types[i].type;
    }
    return 0;
}

static int name_members(struct regex_decoder *regex, struct shape_table *shapes,
                        const struct json_limits *limits, struct error *err)
{
    uint32_t count = 0;
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &count);
    if (!count || count > limits->members)
        return error_set(err, ERR_INPUT,
                         "pattern: expected 1 to %u named groups, as in (?<name>...), found %u",
                         limits->members, count);
    struct shape_name *names = mem_array(count, sizeof *names);
    regex->groups = mem_array(count, sizeof *regex->groups);
    if (names && regex->groups) {
        read_groups(regex, count, names);
        regex->shape = shape_intern(shapes, NULL, names, count);
    }
    mem_free(names);
    if (!regex->shape)
        return error_nomem(err);
    if (regex->shape->flags & SHAPE_DUPLICATES)
        return error_set(err, ERR_INPUT, "pattern: two groups have the same name");
    return 0;
}

int decoder_regex_new(struct decoder **out, const struct regex_options *options,
                      struct shape_table *shapes, const struct json_limits *limits,
                      struct error *err)
{
    if (!options->pattern)
        return error_set(err, ERR_INPUT, "regex needs a `pattern`");
    struct regex_decoder *regex = mem_zalloc(sizeof *regex);
    if (!regex)
        return error_nomem(err);
    regex->decoder = (struct decoder){.decode = decode, .free = free_decoder};
    regex->empty = shape_empty(shapes);
    regex->size_max = codec_size_max(limits);
    int code = compile(regex, options->pattern, err);
    if (!code)
        code = limit(regex, options->match_limit, err);
    if (!code)
        code = name_members(regex, shapes, limits, err);
    if (!code)
        code = set_types(regex, options, err);
    if (code)
        free_decoder(&regex->decoder);
    else
        *out = &regex->decoder;
    return code;
}

#else

int decoder_regex_new(struct decoder **out, const struct regex_options *options,
                      struct shape_table *shapes, const struct json_limits *limits,
                      struct error *err)
{
    (void)out, (void)options, (void)shapes, (void)limits;
    return error_set(err, ERR_INPUT,
                     "decode regex needs PCRE2 (libpcre2-dev), which this program was built "
                     "without");
}

#endif
