// SPDX-License-Identifier: MIT
#include "cli/command.h"

#include <stdio.h>

// The texts of --help, made from the command table.

static void print_option(char letter, const char *name, const char *value, const char *help)
{
    char left[64];
    char shorthand[8] = "    ";
    if (letter)
        snprintf(shorthand, sizeof shorthand, "-%c, ", letter);
    snprintf(left, sizeof left, "%s--%s%s%s", shorthand, name, value ? " " : "",
             value ? value : "");
    printf("  %-26s %s\n", left, help);
}

enum exit_status help_command(const struct command *command)
{
    printf("tidemill %s: %s\n\n", command->name, command->help);
    printf("usage: tidemill %s [OPTIONS]%s%s\n\n", command->name, command->operands ? " " : "",
           command->operands ? command->operands : "");
    for (const struct args_option *row = command->options; row && row->name; row++)
        print_option(row->letter, row->name, row->value, row->help);
    print_option('h', "help", NULL, "this text");
    if (command->details)
        printf("\n%s", command->details);
    printf("\nexample:\n%s", command->example);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

enum exit_status help_all(FILE *out)
{
    fputs("tidemill: stream processing with plugins for sources and sinks, Lua for the work\n"
          "between, and YAML for the pipeline\n\n"
          "usage: tidemill COMMAND [OPTIONS] [FILE...]\n\n",
          out);
    for (const struct command *const *command = commands; *command; command++)
        fprintf(out, "  %-11s %s\n", (*command)->name, (*command)->help);
    fputs("\n  --version   the version\n"
          "  --help      this text; after a command, about that command, with an example\n\n"
          "Exit status: 0 done, 1 failed while running, 2 wrong input, 3 refused because it would\n"
          "lose or overwrite state.\n\n"
          "example:\n"
          "  tidemill demo\n",
          out);
    return fflush(out) ? EXIT_FAILED : EXIT_DONE;
}
