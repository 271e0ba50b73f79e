// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "cli/command.h"
#include "cli/json_memory.h"
#include "support/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Commands as the program runs them, while each allocation fails in turn, once and with all that
// follow: done all the same, or a clear error and its status. The sanitizer build looks for leaks.

static struct error last; // what the command said

const struct command *const commands[] = {NULL};

enum exit_status command_fail(const struct error *err)
{
    last = *err;
    return err->code == ERR_INPUT     ? EXIT_WRONG_INPUT
           : err->code == ERR_REFUSED ? EXIT_REFUSED
                                      : EXIT_FAILED;
}

enum exit_status command_misused(const struct command *command, const char *fmt, ...)
{
    (void)command, (void)fmt;
    return EXIT_WRONG_INPUT;
}

static char dir[] = "/tmp/tidemill-cli-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type;
    return at->level ? remove(path) : 0;
}

static void clear_dir(void)
{
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_pipeline(const char *text)
{
    FILE *file = fopen("p.yaml", "w");
    CU_ASSERT_FATAL(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static int saved[3];

// Where standard output and standard error go: nowhere while a command runs.
static void hush(bool on)
{
    for (int fd = 1; fd <= 2; fd++) {
        fflush(fd == 1 ? stdout : stderr);
        if (on)
            saved[fd] = dup(fd);
        int to = on ? open("/dev/null", O_WRONLY | O_CLOEXEC) : saved[fd];
        CU_ASSERT_FATAL(to >= 0 && dup2(to, fd) == fd);
        close(to);
    }
}

// False: nothing failed, all was done.
static bool try(const struct command *command, char **argv, int argc, uint64_t n, bool rest,
                enum exit_status wanted)
{
    char *copy[8];
    struct args args;
    struct error err = ERROR_INIT;
    memcpy(copy, argv, sizeof *copy * (size_t)(argc + 1));
    CU_ASSERT_EQUAL_FATAL(args_parse(&args, command->options, argc, copy, &err), 0);
    error_clear(&last);
    json_memory_init();
    hush(true);
    mem_fail_at(n, rest);
    enum exit_status status = command->run(&args);
    bool failed = mem_fail_count() > 0;
    mem_fail_at(0, false);
    hush(false);
    args_free(&args);
    CU_ASSERT(status == wanted || failed);
    if (status == EXIT_FAILED && last.len)
        CU_ASSERT(last.code == ERR_NOMEM || last.code == ERR_LIMIT || strstr(last.text, "memory"));
    return failed;
}

static void run_all(const struct command *command, char **argv, enum exit_status wanted,
                    const char *made)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    bool failed = true;
    // The schema has many thousands that are alike (one row of a table after the other): beyond
    // the first ones not each of them. What writes files is slow besides.
    uint64_t each = made ? 60 : 1000, step = made ? 61 : 37;
    for (uint64_t n = 1; failed; n += n > each ? step : 1)
        for (int rest = 0; rest < 2 && failed; rest++) {
            failed = try(command, argv, argc, n, rest, wanted);
            // What was not finished is not there.
            if (made && last.len)
                CU_ASSERT_NOT_EQUAL(access(made, F_OK), 0);
            if (made)
                clear_dir();
        }
}

static void test_check(void)
{
    static char *text[] = {"check", "p.yaml", NULL}, *json[] = {"check", "--json", "p.yaml", NULL};
    write_pipeline("pipeline: p\nsources: { a: { type: topic, connection: c } }\ndraim: 1\n");
    run_all(&command_check, text, EXIT_WRONG_INPUT, NULL);
    run_all(&command_check, json, EXIT_WRONG_INPUT, NULL);
}

static void test_graph(void)
{
    static char *argv[] = {"graph", "p.yaml", NULL};
    run_all(&command_graph, argv, EXIT_WRONG_INPUT, NULL);
}

static void test_schema(void)
{
    static char *argv[] = {"schema", NULL};
    run_all(&command_schema, argv, EXIT_DONE, NULL);
}

static void test_explain(void)
{
    static char *one[] = {"explain", "circle", NULL}, *all[] = {"explain", "--json", NULL};
    run_all(&command_explain, one, EXIT_DONE, NULL);
    run_all(&command_explain, all, EXIT_DONE, NULL);
}

static void test_new(void)
{
    static char *argv[] = {"new", "deep/p", NULL};
    clear_dir();
    run_all(&command_new, argv, EXIT_DONE, "deep");
}

static int start(void)
{
    return mkdtemp(dir) && chdir(dir) == 0 && setenv("TIDEMILL_PLUGINS", dir, 1) == 0 ? 0 : 1;
}

static int stop(void)
{
    clear_dir();
    return chdir("/") || rmdir(dir);
}

static CU_TestInfo tests[] = {{"check", test_check},   {"graph", test_graph},
                              {"schema", test_schema}, {"explain", test_explain},
                              {"new", test_new},       CU_TEST_INFO_NULL};

UNIT_MAIN({"nomem", start, stop, NULL, NULL, tests})
