// SPDX-License-Identifier: MIT
#include "program.h"
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NUMBER = 48 };

struct step *program_add(struct program *program)
{
    if (program->count == program->room) {
        uint32_t room = program->room ? 2 * program->room : 16;
        struct step *steps = realloc(program->steps, room * sizeof *steps);
        if (!steps)
            return NULL;
        program->steps = steps;
        program->room = room;
    }
    struct step *step = &program->steps[program->count++];
    memset(step, 0, sizeof *step);
    return step;
}

void program_measure(struct program *program)
{
    program->longest = 0;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct step *step = &program->steps[i];
        size_t value = step->kind == STEP_TEXT ? 0 : LONGEST_NUMBER;
        for (uint32_t k = 0; k < step->choice_count; k++)
            if (step->choice_lens[k] > value)
                value = step->choice_lens[k];
        program->longest += step->text_len + value;
        program->uses_clock |= step->kind == STEP_CLOCK;
    }
}

void program_deinit(struct program *program)
{
    for (uint32_t i = 0; i < program->count; i++) {
        struct step *step = &program->steps[i];
        free(step->text);
        for (uint32_t k = 0; k < step->choice_count; k++)
            free(step->choices[k]);
        free(step->choices);
        free(step->choice_lens);
    }
    free(program->steps);
}

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

static char *put_unsigned(char *out, uint64_t value, int width)
{
    char digits[LONGEST_NUMBER];
    char *at = digits + sizeof digits;
    while (value >= 100) {
        at -= 2;
        memcpy(at, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(at, pairs + value * 2, 2);
    } else {
        *--at = (char)('0' + value);
    }
    while (digits + sizeof digits - at < width)
        *--at = '0';
    size_t len = (size_t)(digits + sizeof digits - at);
    memcpy(out, at, len);
    return out + len;
}

static char *put_signed(char *out, int64_t value, int width)
{
    uint64_t size = (uint64_t)value;
    if (value < 0) {
        *out++ = '-';
        size = 0 - size;
    }
    return put_unsigned(out, size, width);
}

static char *put_decimal(char *out, int64_t value, int digits)
{
    static const uint64_t powers[] = {1,      10,      100,      1000,      10000,
                                      100000, 1000000, 10000000, 100000000, 1000000000};
    uint64_t size = (uint64_t)value;
    if (value < 0) {
        *out++ = '-';
        size = 0 - size;
    }
    out = put_unsigned(out, size / powers[digits], 0);
    if (digits > 0) {
        *out++ = '.';
        out = put_unsigned(out, size % powers[digits], digits);
    }
    return out;
}

static int64_t minus_random(struct random *random, uint64_t from, uint64_t span)
{
    return (int64_t)(from - (span > 1 ? random_below(random, span) : 0));
}

// `by`: > 0 units in a millisecond, < 0 milliseconds in a unit.
static int64_t clock_value(const struct step *step, int64_t wall_ms)
{
    return step->by > 0 ? wall_ms * step->by : wall_ms / -step->by;
}

static char *put_value(const struct step *step, struct program_state *state, int64_t wall_ms,
                       char *out, int64_t *time_ms)
{
    struct random *random = &state->random;
    uint64_t low = (uint64_t)step->low, number = state->number;
    int64_t value = 0;
    switch (step->kind) {
    case STEP_TEXT:
        return out;
    case STEP_CHOICE: {
        uint64_t pick = random_below(random, step->choice_count);
        memcpy(out, step->choices[pick], step->choice_lens[pick]);
        return out + step->choice_lens[pick];
    }
    case STEP_BOOL: {
        int is_true = (random_next(random) >> 32) < low;
        memcpy(out, is_true ? "true" : "false", 5);
        return out + (is_true ? 4 : 5);
    }
    case STEP_DECIMAL:
        return put_decimal(out, (int64_t)(low + random_below(random, step->span)), step->digits);
    case STEP_INT:
        value = (int64_t)(low + random_below(random, step->span));
        break;
    case STEP_SEQUENCE:
        value = minus_random(random, low + number * (uint64_t)step->by, step->span);
        break;
    case STEP_CLOCK:
        value = minus_random(random, (uint64_t)clock_value(step, wall_ms), step->span);
        break;
    case STEP_NUMBER:
        value = (int64_t)(low + (step->span ? number % step->span : number));
        break;
    }
    if (step->is_time)
        *time_ms = value;
    return put_signed(out, value, step->width);
}

size_t program_run(const struct program *program, struct program_state *state, int64_t wall_ms,
                   char *out, int64_t *time_ms)
{
    char *at = out;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct step *step = &program->steps[i];
        memcpy(at, step->text, step->text_len);
        at = put_value(step, state, wall_ms, at + step->text_len, time_ms);
    }
    state->number++;
    return (size_t)(at - out);
}
