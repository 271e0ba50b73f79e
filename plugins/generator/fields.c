// SPDX-License-Identifier: MIT
#include "fields.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 16, MAX_DIGITS = 9, MAX_WIDTH = 20 };

struct compiler {
    const tide_host *host;
    tide_ctx *ctx;
    struct program *program;
    const char *time_field;
    const char *field; // being compiled, for errors
    int found_time, depth;
    char *text; // fixed text that waits for its step
    size_t len, room;
};

static tide_result wrong(struct compiler *c, const char *why)
{
    return c->host->fail(c->ctx, TIDE_FATAL, "generator: fields.%s: %s", c->field, why);
}

static tide_result out_of_memory(struct compiler *c)
{
    return c->host->fail(c->ctx, TIDE_FATAL, "out of memory");
}

// -- fixed text --

static tide_result put(struct compiler *c, const char *bytes, size_t len)
{
    if (c->len + len + 1 > c->room) {
        size_t room = 2 * (c->len + len + 1);
        char *text = realloc(c->text, room);
        if (!text)
            return out_of_memory(c);
        c->text = text;
        c->room = room;
    }
    if (len)
        memcpy(c->text + c->len, bytes, len);
    c->len += len;
    return TIDE_OK;
}

static tide_result put_escaped(struct compiler *c, const char *text, size_t len)
{
    tide_result result = TIDE_OK;
    for (size_t i = 0; i < len && result == TIDE_OK; i++) {
        unsigned char byte = (unsigned char)text[i];
        char code[8];
        if (byte == '"' || byte == '\\')
            result = put(c, (char[]){'\\', (char)byte}, 2);
        else if (byte < 0x20)
            result = put(c, code, (size_t)snprintf(code, sizeof code, "\\u%04x", byte));
        else
            result = put(c, (const char *)&text[i], 1);
    }
    return result;
}

static tide_result put_string(struct compiler *c, const char *text, size_t len)
{
    tide_result result = put(c, "\"", 1);
    if (result == TIDE_OK)
        result = put_escaped(c, text, len);
    return result == TIDE_OK ? put(c, "\"", 1) : result;
}

// JSON's number, true, false or null is written as it is; all else is a string.
static int is_literal(const char *text)
{
    if (!strcmp(text, "true") || !strcmp(text, "false") || !strcmp(text, "null"))
        return 1;
    const char *at = text + (*text == '-');
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || (digits > 1 && *at == '0'))
        return 0;
    at += digits;
    if (*at == '.') {
        digits = strspn(at + 1, "0123456789");
        if (digits == 0)
            return 0;
        at += 1 + digits;
    }
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '+' || at[1] == '-');
        digits = strspn(at, "0123456789");
        at = digits ? at + digits : "x";
    }
    return *at == '\0';
}

static tide_result put_constant(struct compiler *c, const char *text)
{
    return is_literal(text) ? put(c, text, strlen(text)) : put_string(c, text, strlen(text));
}

// A step of `kind` that takes the waiting text.
static struct step *add(struct compiler *c, enum step_kind kind)
{
    struct step *step = program_add(c->program);
    if (!step)
        return NULL;
    step->kind = kind;
    step->text = c->text;
    step->text_len = c->len;
    c->text = NULL;
    c->len = c->room = 0;
    return step;
}

// -- numbers --

static int whole(const tide_host *host, const tide_config *node, int64_t *out)
{
    const char *text = node ? host->config_text(node) : NULL;
    char *end;
    errno = 0;
    long long value = text ? strtoll(text, &end, 10) : 0;
    if (!text || end == text || *end || errno)
        return 0;
    *out = value;
    return 1;
}

// A member of `spec` that is a whole number; absent: stays as it is.
static int member(struct compiler *c, const tide_config *spec, const char *name, int64_t *out)
{
    const tide_config *node = c->host->config_at(spec, name);
    return !node || whole(c->host, node, out);
}

static int span_of(int64_t low, int64_t high, uint64_t *span)
{
    *span = (uint64_t)high - (uint64_t)low + 1;
    return low <= high;
}

static tide_result compile_int(struct compiler *c, const tide_config *value)
{
    const tide_host *host = c->host;
    int64_t low, high;
    struct step *step = add(c, STEP_INT);
    if (!step)
        return out_of_memory(c);
    if (host->config_text(value) || host->config_len(value) != 2 ||
        !whole(host, host->config_item(value, 0), &low) ||
        !whole(host, host->config_item(value, 1), &high) || !span_of(low, high, &step->span))
        return wrong(c, "int takes [low, high], both whole numbers and both included");
    step->low = low;
    return TIDE_OK;
}

static int scaled(const tide_host *host, const tide_config *node, int64_t scale, int64_t *out)
{
    const char *text = node ? host->config_text(node) : NULL;
    char *end;
    double value = text ? strtod(text, &end) : 0;
    if (!text || end == text || *end || !(value * (double)scale > -9e18) ||
        !(value * (double)scale < 9e18))
        return 0;
    double exact = value * (double)scale;
    *out = (int64_t)(exact < 0 ? exact - 0.5 : exact + 0.5);
    return 1;
}

static tide_result compile_float(struct compiler *c, const tide_config *spec,
                                 const tide_config *value)
{
    const tide_host *host = c->host;
    int64_t digits = 3, scale = 1, low, high;
    struct step *step = add(c, STEP_DECIMAL);
    if (!step)
        return out_of_memory(c);
    if (!member(c, spec, "digits", &digits) || digits < 0 || digits > MAX_DIGITS)
        return wrong(c, "digits is a whole number from 0 to 9");
    for (int64_t i = 0; i < digits; i++)
        scale *= 10;
    if (host->config_text(value) || host->config_len(value) != 2 ||
        !scaled(host, host->config_item(value, 0), scale, &low) ||
        !scaled(host, host->config_item(value, 1), scale, &high) ||
        !span_of(low, high, &step->span))
        return wrong(c, "float takes [low, high]");
    step->low = low;
    step->digits = (int)digits;
    return TIDE_OK;
}

static tide_result compile_bool(struct compiler *c, const tide_config *value)
{
    const char *text = c->host->config_text(value);
    char *end;
    double chance = text ? strtod(text, &end) : -1;
    struct step *step = add(c, STEP_BOOL);
    if (!step)
        return out_of_memory(c);
    if (!text || end == text || *end || !(chance >= 0 && chance <= 1))
        return wrong(c, "bool takes the chance of true, from 0 to 1");
    step->low = (int64_t)(chance * 4294967296.0);
    return TIDE_OK;
}

static tide_result compile_sequence(struct compiler *c, const tide_config *value)
{
    int64_t jitter = 0;
    struct step *step = add(c, STEP_SEQUENCE);
    if (!step)
        return out_of_memory(c);
    step->by = 1;
    int fine = c->host->config_text(value)
                   ? whole(c->host, value, &step->low)
                   : member(c, value, "start", &step->low) && member(c, value, "step", &step->by) &&
                         member(c, value, "jitter", &jitter);
    if (!fine || jitter < 0)
        return wrong(c, "sequence takes { start, step, jitter }, whole numbers");
    step->span = (uint64_t)jitter + 1;
    return TIDE_OK;
}

static tide_result compile_clock(struct compiler *c, const tide_config *spec,
                                 const tide_config *value)
{
    static const struct {
        const char *name;
        int64_t by;
    } units[] = {{"s", -1000}, {"ms", 1}, {"us", 1000}, {"ns", 1000000}};
    const char *text = c->host->config_text(value);
    int64_t jitter = 0;
    struct step *step = add(c, STEP_CLOCK);
    if (!step)
        return out_of_memory(c);
    for (size_t i = 0; text && i < sizeof units / sizeof *units; i++)
        if (!strcmp(text, units[i].name))
            step->by = units[i].by;
    if (!step->by || !member(c, spec, "jitter", &jitter) || jitter < 0)
        return wrong(c, "clock takes s, ms, us or ns, and jitter a whole number of these");
    step->span = (uint64_t)jitter + 1;
    return TIDE_OK;
}

// -- texts --

static tide_result compile_choice(struct compiler *c, const tide_config *value)
{
    uint32_t count = c->host->config_text(value) ? 0 : c->host->config_len(value);
    if (count == 0)
        return wrong(c, "choice takes a list");
    struct step *step = add(c, STEP_CHOICE);
    if (!step)
        return out_of_memory(c);
    step->choices = calloc(count, sizeof *step->choices);
    step->choice_lens = calloc(count, sizeof *step->choice_lens);
    if (!step->choices || !step->choice_lens)
        return out_of_memory(c);
    for (uint32_t i = 0; i < count; i++) {
        const char *text = c->host->config_text(c->host->config_item(value, i));
        if (!text)
            return wrong(c, "choice takes texts, numbers, true, false and null");
        tide_result result = put_constant(c, text);
        if (result != TIDE_OK)
            return result;
        step->choices[i] = c->text;
        step->choice_lens[i] = (uint32_t)c->len;
        step->choice_count++;
        c->text = NULL;
        c->len = c->room = 0;
    }
    return TIDE_OK;
}

// "{1..50}" random, "{i}" the record's number, "{i%50}" modulo; leading zeros of the first bound
// are kept. *end: behind the brace.
static tide_result compile_part(struct compiler *c, const char *at, const char **end)
{
    const char *close = strchr(at, '}');
    char *stop;
    struct step *step = add(c, at[1] == 'i' ? STEP_NUMBER : STEP_INT);
    if (!step)
        return out_of_memory(c);
    if (!close)
        return wrong(c, "a '{' without its '}' ('{{' writes one)");
    *end = close + 1;
    if (at[1] == 'i') {
        stop = (char *)(uintptr_t)(at + 2);
        if (*stop == '%')
            step->span = strtoull(stop + 1, &stop, 10);
        if (stop != close || (at[2] == '%' && step->span == 0))
            return wrong(c, "in braces: {i} or {i%50}");
        return TIDE_OK;
    }
    errno = 0;
    long long low = strtoll(at + 1, &stop, 10);
    int width = at[1] == '0' ? (int)(stop - at - 1) : 0;
    if (stop == at + 1 || strncmp(stop, "..", 2) != 0 || width > MAX_WIDTH)
        return wrong(c, "in braces: {1..50}, {i} or {i%50}");
    long long high = strtoll(stop + 2, &stop, 10);
    if (stop != close || errno || !span_of(low, high, &step->span))
        return wrong(c, "in braces: {low..high}, both included");
    step->low = low;
    step->width = width;
    return TIDE_OK;
}

static tide_result compile_text(struct compiler *c, const char *text)
{
    tide_result result = put(c, "\"", 1);
    while (result == TIDE_OK && *text) {
        size_t plain = strcspn(text, "{");
        result = put_escaped(c, text, plain);
        text += plain;
        if (result != TIDE_OK || !*text)
            break;
        if (text[1] == '{') {
            result = put(c, "{", 1);
            text += 2;
        } else {
            result = compile_part(c, text, &text);
        }
    }
    return result == TIDE_OK ? put(c, "\"", 1) : result;
}

// -- fields --

static tide_result compile_object(struct compiler *c, const tide_config *fields);

static tide_result compile_kind(struct compiler *c, const char *kind, const tide_config *spec,
                                const tide_config *value)
{
    const char *text = c->host->config_text(value);
    if (!strcmp(kind, "int"))
        return compile_int(c, value);
    if (!strcmp(kind, "float"))
        return compile_float(c, spec, value);
    if (!strcmp(kind, "bool"))
        return compile_bool(c, value);
    if (!strcmp(kind, "sequence"))
        return compile_sequence(c, value);
    if (!strcmp(kind, "clock"))
        return compile_clock(c, spec, value);
    if (!strcmp(kind, "choice"))
        return compile_choice(c, value);
    if (!strcmp(kind, "object"))
        return text ? wrong(c, "object takes fields") : compile_object(c, value);
    if (!text)
        return wrong(c, "text and const take one value");
    return !strcmp(kind, "text") ? compile_text(c, text) : put_constant(c, text);
}

// The one member that says what the field is; the others must belong to it.
static tide_result find_kind(struct compiler *c, const tide_config *spec, const char **kind)
{
    static const char kinds[] = " int float bool sequence clock choice object text const ";
    const tide_host *host = c->host;
    uint32_t others = 0;
    *kind = NULL;
    for (uint32_t i = 0; i < host->config_len(spec); i++) {
        const char *name = host->config_name(spec, i);
        char word[16];
        snprintf(word, sizeof word, " %.12s ", name ? name : "");
        int is_kind = name && strlen(name) <= 12 && strstr(kinds, word);
        if (is_kind && *kind)
            return wrong(c, "is two things at once");
        if (is_kind)
            *kind = name;
        else
            others++;
    }
    if (!*kind)
        return wrong(c,
                     "is none of int, float, bool, sequence, clock, choice, object, text, const");
    int digits = !strcmp(*kind, "float") && host->config_at(spec, "digits");
    int jitter = !strcmp(*kind, "clock") && host->config_at(spec, "jitter");
    return others > (uint32_t)(digits + jitter) ? wrong(c, "has a member that is not known here")
                                                : TIDE_OK;
}

static tide_result compile_field(struct compiler *c, const tide_config *spec)
{
    const char *text = c->host->config_text(spec);
    if (text)
        return strchr(text, '{') ? compile_text(c, text) : put_constant(c, text);
    const char *kind;
    tide_result result = find_kind(c, spec, &kind);
    if (result != TIDE_OK)
        return result;
    uint32_t first = c->program->count;
    result = compile_kind(c, kind, spec, c->host->config_at(spec, kind));
    if (result != TIDE_OK || c->depth != 1 || !c->time_field || strcmp(c->field, c->time_field))
        return result;
    if (strcmp(kind, "int") && strcmp(kind, "sequence") && strcmp(kind, "clock"))
        return wrong(c, "cannot be the time: only int, sequence and clock can");
    c->program->steps[first].is_time = 1;
    c->found_time = 1;
    return TIDE_OK;
}

static tide_result compile_object(struct compiler *c, const tide_config *fields)
{
    uint32_t count = c->host->config_len(fields);
    if (count == 0 || !c->host->config_name(fields, 0))
        return wrong(c, "has no fields");
    if (++c->depth > MAX_DEPTH)
        return wrong(c, "objects are nested too deep");
    tide_result result = TIDE_OK;
    for (uint32_t i = 0; i < count && result == TIDE_OK; i++) {
        c->field = c->host->config_name(fields, i);
        result = put(c, i ? "," : "{", 1);
        if (result == TIDE_OK)
            result = put_string(c, c->field, strlen(c->field));
        if (result == TIDE_OK)
            result = put(c, ":", 1);
        if (result == TIDE_OK)
            result = compile_field(c, c->host->config_item(fields, i));
    }
    c->depth--;
    return result == TIDE_OK ? put(c, "}", 1) : result;
}

tide_result fields_compile(const tide_host *host, tide_ctx *ctx, const tide_config *fields,
                           const char *time_field, struct program *program)
{
    struct compiler c = {
        .host = host, .ctx = ctx, .program = program, .time_field = time_field, .field = ""};
    tide_result result = compile_object(&c, fields);
    if (result == TIDE_OK && !add(&c, STEP_TEXT))
        result = out_of_memory(&c);
    if (result == TIDE_OK && time_field && !c.found_time)
        result = host->fail(ctx, TIDE_FATAL, "generator: time names no field: %s", time_field);
    free(c.text);
    program_measure(program);
    return result;
}
