// SPDX-License-Identifier: MIT
#include "base/buf.h"
#include "base/io.h"
#include "cli/command.h"
#include "cli/embedded.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// tidemill new: a project to begin with, which runs as it is.

static const struct args_option options[] = {{0}};

static const char placeholder[] = "my_pipeline"; // in the files; the directory's name goes there

enum { NAME_MAX_BYTES = 64, FILE_MAX_BYTES = 1 << 20 };

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

// Where a file of the source tree stands in a project.
static const char *place_of(const char *name)
{
    if (starts(name, "runtime/cli/project/"))
        name += strlen("runtime/cli/project/");
    else if (starts(name, "scripts/"))
        name += strlen("scripts/");
    return strcmp(name, "luarc.json") == 0 ? ".luarc.json" : name;
}

// ERR_REFUSED when something is there already.
static int make_dir(const char *dir, struct error *err)
{
    int code = io_mkdir_all(dir, err);
    DIR *list = code ? NULL : opendir(dir);
    if (!code && !list)
        return error_errno(err, ERR_IO, errno, "%s", dir);
    const struct dirent *entry;
    while (!code && (entry = readdir(list)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            code = error_set(err, ERR_REFUSED, "%s is not empty: nothing was changed", dir);
    if (list)
        closedir(list);
    return code;
}

// The last part of the directory's path, made a name of a pipeline.
static void name_after(const char *dir, char out[NAME_MAX_BYTES + 1])
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    char path[PATH_MAX]; // of what is there: "." has a name as well
    const char *base = realpath(dir, path) ? strrchr(path, '/') + 1 : "";
    size_t len = 0;
    for (; *base && len < NAME_MAX_BYTES; base++) {
        bool plain = strchr(first, *base) != NULL;
        if (plain || (len && strchr("_.-", *base)))
            out[len++] = *base;
        else if (len)
            out[len++] = '_';
    }
    out[len] = 0;
    if (!len)
        memcpy(out, placeholder, sizeof placeholder);
}

// The file's text with the project's name in it.
static int fill_in(const struct embedded_file *file, const char *name, struct buf *out)
{
    const char *bytes = (const char *)file->bytes;
    const char *mark = memmem(bytes, file->len, placeholder, sizeof placeholder - 1);
    size_t before = mark ? (size_t)(mark - bytes) : file->len;
    int code = buf_append(out, bytes, before);
    if (code || !mark)
        return code;
    size_t after = before + sizeof placeholder - 1;
    code = buf_puts(out, name);
    return code ? code : buf_append(out, bytes + after, file->len - after);
}

static int write_new(const char *path, const struct buf *text, struct error *err)
{
    int fd = -1;
    int code = io_open(&fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644, err);
    if (!code)
        code = io_write_all(fd, path, text->data, text->len, err);
    if (fd >= 0 && close(fd) && !code)
        code = error_errno(err, ERR_IO, errno, "%s", path);
    return code;
}

static int add_file(const char *dir, const struct embedded_file *file, const char *name,
                    struct error *err)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", dir, place_of(file->name));
    if (len < 0 || (size_t)len >= sizeof path)
        return error_set(err, ERR_INPUT, "%s: the path is too long", dir);
    char *slash = strrchr(path, '/');
    *slash = 0;
    int code = io_mkdir_all(path, err);
    *slash = '/';
    struct buf text;
    buf_init(&text, FILE_MAX_BYTES);
    if (!code && fill_in(file, name, &text))
        code = error_nomem(err);
    if (!code)
        code = write_new(path, &text, err);
    buf_deinit(&text);
    return code;
}

static enum exit_status print_next(const char *dir)
{
    printf("%s:\n", dir);
    for (const struct embedded_file *file = project_files; file->name; file++)
        printf("  %s\n", place_of(file->name));
    printf("\nNext:\n  tidemill test %s %s/scripts\n  tidemill run %s/pipeline.yaml\n", dir, dir,
           dir);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_status run(const struct args *args)
{
    struct error err = ERROR_INIT;
    char name[NAME_MAX_BYTES + 1];
    if (args->operand_count != 1)
        return command_misused(&command_new, args->operand_count ? "one directory" : "where?");
    const char *dir = args->operands[0];
    int code = make_dir(dir, &err);
    if (!code)
        name_after(dir, name);
    for (const struct embedded_file *file = project_files; !code && file->name; file++)
        code = add_file(dir, file, name, &err);
    return code ? command_fail(&err) : print_next(dir);
}

const struct command command_new = {
    .name = "new",
    .help = "start a project: a pipeline, a script, its tests, types for the editor",
    .operands = "DIR",
    .options = options,
    .details =
        "DIR is made, or must be empty. The pipeline is named after it. What is there runs,\n"
        "and passes its own tests, as it is.\n",
    .example = "  tidemill new traffic && tidemill test traffic traffic/scripts\n",
    .run = run,
};
