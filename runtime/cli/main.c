// SPDX-License-Identifier: MIT
#include "cli/command.h"
#include "base/crash_point.h"
#include "cli/json_memory.h"
#include "base/log.h"
#include "config/problems.h"
#include "config/text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct command *const commands[] = {
    &command_demo,    &command_new,    &command_run,        &command_check,  &command_test,
    &command_plugins, &command_plugin, &command_graph,      &command_schema, &command_explain,
    &command_bench,   &command_why,    &command_checkpoint, &command_state,  NULL,
};

enum exit_status command_fail(const struct error *err)
{
    struct error shown = *err;
    (void)text_clean(shown.text, shown.len, shown.len);
    if (log_is_json())
        log_say(&(struct log_event){.level = LOG_ERROR, .reason = error_reason(err)}, "%s",
                shown.text);
    else
        fprintf(stderr, "tidemill: error: %s [%s]\n", shown.text, reason_code(error_reason(err)));
    if (err->code == ERR_INPUT)
        return EXIT_WRONG_INPUT;
    return err->code == ERR_REFUSED ? EXIT_REFUSED : EXIT_FAILED;
}

enum exit_status command_misused(const struct command *command, const char *fmt, ...)
{
    fprintf(stderr, "tidemill %s: ", command->name);
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, " [%s]\nsee: tidemill %s --help\n", reason_code(REASON_USAGE), command->name);
    return EXIT_WRONG_INPUT;
}

static const struct command *find(const char *name)
{
    for (const struct command *const *command = commands; *command; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}

static enum exit_status unknown(const char *name)
{
    const char *names[sizeof commands / sizeof *commands];
    size_t count = 0;
    for (; commands[count]; count++)
        names[count] = commands[count]->name;
    names[count] = NULL;
    const char *near = nearest_name(name, names);
    fprintf(stderr, "tidemill: no command '%s'", name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, " [%s]\nsee: tidemill --help\n", reason_code(REASON_USAGE));
    return EXIT_WRONG_INPUT;
}

// `--log`, of those commands that have it.
static bool heed_log(const struct args *args)
{
    const char *format = args_text(args, "log");
    bool json = format && strcmp(format, "json") == 0;
    log_set_json(json);
    return json || !format || strcmp(format, "text") == 0;
}

static enum exit_status run(const struct command *command, int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct args args;
    if (args_parse(&args, command->options, argc, argv, &err))
        return command_misused(command, "%s", err.text);
    enum exit_status status;
    if (args.help)
        status = help_command(command);
    else if (!command->operands && args.operand_count)
        status = command_misused(command, "unexpected argument '%s'", args.operands[0]);
    else if (!heed_log(&args))
        status =
            command_misused(command, "--log %s: expected json or text", args_text(&args, "log"));
    else
        status = command->run(&args);
    args_free(&args);
    return status;
}

static enum exit_status help(const char *name)
{
    if (!name)
        return help_all(stdout);
    const struct command *command = find(name);
    return command ? help_command(command) : unknown(name);
}

static bool is(const char *word, const char *name, const char *letter)
{
    return strcmp(word, name) == 0 || strcmp(word, letter) == 0;
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    if (crash_point_choose(getenv("TIDEMILL_CRASH"), &err))
        return (int)command_fail(&err);
    json_memory_init();
    signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of write
    if (argc < 2) {
        help_all(stderr);
        return EXIT_WRONG_INPUT;
    }
    if (is(argv[1], "--version", "-V"))
        return puts("tidemill " TIDEMILL_VERSION) < 0 ? EXIT_FAILED : EXIT_DONE;
    if (is(argv[1], "--help", "-h") || strcmp(argv[1], "help") == 0)
        return (int)help(argv[2]);
    const struct command *command = find(argv[1]);
    return (int)(command ? run(command, argc - 1, argv + 1) : unknown(argv[1]));
}
