// SPDX-License-Identifier: MIT
#include "cli/args.h"

#include "base/alloc.h"
#include "config/problems.h"
#include "config/text.h"

#include <getopt.h>
#include <string.h>

enum { LONG_BASE = 256 }; // what getopt answers for row i of the table is LONG_BASE + i

static const char *const always[] = {"help", NULL};

static size_t table_len(const struct args_option *options)
{
    size_t count = 0;
    while (options && options[count].name)
        count++;
    return count;
}

// What getopt_long wants: long options and the letters.
struct spec {
    struct option *longs;
    char letters[3 * 64];
};

static int make_spec(struct spec *spec, const struct args_option *options, size_t count)
{
    spec->longs = mem_array(count + 2, sizeof *spec->longs);
    if (!spec->longs)
        return ERR_NOMEM;
    size_t len = 0;
    spec->letters[len++] = ':'; // tell a missing value from an unknown option
    spec->letters[len++] = 'h';
    for (size_t i = 0; i < count; i++) {
        const struct args_option *row = &options[i];
        spec->longs[i] = (struct option){row->name, row->value ? required_argument : no_argument,
                                         NULL, LONG_BASE + (int)i};
        if (row->letter && len + 3 < sizeof spec->letters) {
            spec->letters[len++] = row->letter;
            if (row->value)
                spec->letters[len++] = ':';
        }
    }
    spec->letters[len] = 0;
    spec->longs[count] = (struct option){"help", no_argument, NULL, 'h'};
    spec->longs[count + 1] = (struct option){0};
    return 0;
}

static const char *near_option(const char *name, const struct args_option *options)
{
    const char *names[64 + 2];
    size_t count = 0;
    for (; options && options->name && count < 64; options++)
        names[count++] = options->name;
    names[count++] = always[0];
    names[count] = NULL;
    return nearest_name(name, names);
}

// `word` is the argument as typed, "--with=x" or "-w".
static int unknown_option(const char *word, char letter, const struct args_option *options,
                          struct error *err)
{
    if (letter && word[1] != '-')
        return error_set(err, ERR_INPUT, "unknown option '-%c'", letter);
    char name[64] = "";
    size_t len = strcspn(word + 2, "=");
    memcpy(name, word + 2, len < sizeof name ? len : sizeof name - 1);
    const char *near = near_option(name, options);
    if (near)
        return error_set(err, ERR_INPUT, "unknown option '--%s'; did you mean '--%s'?", name, near);
    return error_set(err, ERR_INPUT, "unknown option '--%s'", name);
}

static int bad_option(int answer, char **argv, const struct args_option *options, struct error *err)
{
    const char *word = argv[optind - 1];
    if (optopt >= LONG_BASE) {
        const struct args_option *row = &options[optopt - LONG_BASE];
        if (answer == ':')
            return error_set(err, ERR_INPUT, "option '--%s' needs a value: --%s %s", row->name,
                             row->name, row->value);
        return error_set(err, ERR_INPUT, "option '--%s' takes no value", row->name);
    }
    if (answer == ':')
        return error_set(err, ERR_INPUT, "option '-%c' needs a value", optopt);
    return unknown_option(word, (char)optopt, options, err);
}

static const struct args_option *row_of(int answer, const struct args_option *options)
{
    if (answer >= LONG_BASE)
        return &options[answer - LONG_BASE];
    while (options->letter != answer)
        options++;
    return options;
}

static int read_options(struct args *args, const struct spec *spec,
                        const struct args_option *options, int argc, char **argv, struct error *err)
{
    optind = 0; // getopt starts anew
    opterr = 0;
    int answer;
    while ((answer = getopt_long(argc, argv, spec->letters, spec->longs, NULL)) != -1) {
        if (answer == 'h')
            args->help = true;
        else if (answer == '?' || answer == ':')
            return bad_option(answer, argv, options, err);
        else
            args->given[args->given_count++] =
                (struct args_given){.option = row_of(answer, options), .value = optarg};
    }
    args->operands = argv + optind;
    args->operand_count = (size_t)(argc - optind);
    return 0;
}

int args_parse(struct args *args, const struct args_option *options, int argc, char **argv,
               struct error *err)
{
    *args = (struct args){0};
    struct spec spec = {0};
    args->given = mem_array((size_t)argc * 2, sizeof *args->given);
    int code = args->given ? make_spec(&spec, options, table_len(options)) : ERR_NOMEM;
    if (code)
        error_nomem(err);
    else
        code = read_options(args, &spec, options, argc, argv, err);
    mem_free(spec.longs);
    if (code)
        args_free(args);
    return code;
}

void args_free(struct args *args)
{
    mem_free(args->given);
    args->given = NULL;
    args->given_count = 0;
}

const char *args_next(const struct args *args, const char *name, size_t *cursor)
{
    while (*cursor < args->given_count) {
        const struct args_given *given = &args->given[(*cursor)++];
        if (strcmp(given->option->name, name) == 0)
            return given->value ? given->value : "";
    }
    return NULL;
}

const char *args_text(const struct args *args, const char *name)
{
    const char *last = NULL;
    size_t cursor = 0;
    for (const char *value; (value = args_next(args, name, &cursor)) != NULL;)
        last = value;
    return last;
}

bool args_flag(const struct args *args, const char *name)
{
    return args_text(args, name) != NULL;
}

int args_count(const struct args *args, const char *name, int64_t min, int64_t max, int64_t absent,
               int64_t *out, struct error *err)
{
    const char *text = args_text(args, name);
    *out = absent;
    if (text && (!text_parse_int(text, out) || *out < min || *out > max))
        return error_set(err, ERR_INPUT, "--%s %s: expected a whole number from %lld to %lld", name,
                         text, (long long)min, (long long)max);
    return 0;
}

int args_duration(const struct args *args, const char *name, int64_t absent, int64_t *ms,
                  struct error *err)
{
    const char *text = args_text(args, name);
    *ms = absent;
    if (text && !text_parse_duration(text, ms))
        return error_set(err, ERR_INPUT, "--%s %s: expected a duration such as 500ms, 20s or 1m30s",
                         name, text);
    return 0;
}
