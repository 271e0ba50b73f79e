// SPDX-License-Identifier: MIT
#include "base/buf.h"
#include "base/io.h"
#include "cli/command.h"
#include "cli/embedded.h"
#include "cli/schema_file.h"

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
    static const char *const hidden[][2] = {{"luarc.json", ".luarc.json"},
                                            {"gitignore", ".gitignore"},
                                            {"vscode.json", ".vscode/settings.json"}};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strcmp(name, hidden[i][0]) == 0)
            return hidden[i][1];
    return name;
}

static const char schema_name[] = "tidemill.schema.json";

// The project being made, so that nothing half-made stays when it fails.
struct project {
    const char *dir;
    char first_made[PATH_MAX]; // the uppermost directory that was not there; "": all were
    size_t made;               // of project_files
    bool made_schema;
};

// Cuts the last part off; false: there is none left.
static bool go_up(char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        path[--len] = 0;
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return false;
    *slash = 0;
    return true;
}

static void find_first_made(struct project *project)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", project->dir);
    do {
        if (access(path, F_OK) == 0)
            return;
        memcpy(project->first_made, path, sizeof path);
    } while (go_up(path));
}

// ERR_REFUSED when something is there already.
static int make_dir(struct project *project, struct error *err)
{
    const char *dir = project->dir;
    if (strlen(dir) >= PATH_MAX)
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", dir);
    find_first_made(project);
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
    if (code)
        return code;
    code = io_write_all(fd, path, text->data, text->len, err);
    if (close(fd) && !code)
        code = error_errno(err, ERR_IO, errno, "%s", path);
    if (code)
        (void)unlink(path);
    return code;
}

static int path_in(const struct project *project, const char *name, char path[PATH_MAX],
                   struct error *err)
{
    int len = snprintf(path, PATH_MAX, "%s/%s", project->dir, name);
    if (len < 0 || len >= PATH_MAX)
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", project->dir);
    return 0;
}

static int add_file(const struct project *project, const struct embedded_file *file,
                    const char *name, struct error *err)
{
    char path[PATH_MAX];
    int code = path_in(project, place_of(file->name), path, err);
    if (code)
        return code;
    char *slash = strrchr(path, '/');
    *slash = 0;
    code = io_mkdir_all(path, err);
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

static int add_schema(const struct project *project, const struct args *args, struct error *err)
{
    char path[PATH_MAX];
    struct buf text;
    buf_init(&text, SCHEMA_MAX_BYTES);
    int code = path_in(project, schema_name, path, err);
    if (!code)
        code = schema_make(args, false, &text, err);
    if (!code)
        code = write_new(path, &text, err);
    buf_deinit(&text);
    return code;
}

// Takes away what was made; the directory was empty, or not there.
static void undo(const struct project *project)
{
    char path[PATH_MAX];
    if (project->made_schema && path_in(project, schema_name, path, NULL) == 0)
        (void)unlink(path);
    for (size_t i = 0; project_files[i].name; i++) {
        if (path_in(project, place_of(project_files[i].name), path, NULL))
            continue;
        if (i < project->made)
            (void)unlink(path);
        if (strchr(place_of(project_files[i].name), '/') && go_up(path))
            (void)rmdir(path); // the last one in it finds it empty
    }
    if (!*project->first_made)
        return;
    snprintf(path, sizeof path, "%s", project->dir);
    do
        if (rmdir(path) && errno != ENOENT)
            return;
    while (strcmp(path, project->first_made) != 0 && go_up(path));
}

static int make_project(struct project *project, const struct args *args, struct error *err)
{
    char name[NAME_MAX_BYTES + 1];
    name_after(project->dir, name);
    const struct embedded_file *file = project_files;
    int code = 0;
    for (; !code && file->name; file++) {
        code = add_file(project, file, name, err);
        project->made += !code;
    }
    if (!code)
        code = add_schema(project, args, err);
    project->made_schema = !code;
    return code;
}

static enum exit_status print_next(const char *dir)
{
    printf("%s:\n", dir);
    for (const struct embedded_file *file = project_files; file->name; file++)
        printf("  %s\n", place_of(file->name));
    printf("  %s\n", schema_name);
    printf("\nNext:\n  tidemill test %s\n  tidemill run %s/pipeline.yaml\n", dir, dir);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_status run(const struct args *args)
{
    struct error err = ERROR_INIT;
    if (args->operand_count != 1)
        return command_misused(&command_new, args->operand_count ? "one directory" : "where?");
    struct project project = {.dir = args->operands[0]};
    int code = make_dir(&project, &err);
    bool touched = code != ERR_REFUSED;
    if (!code)
        code = make_project(&project, args, &err);
    if (code && touched)
        undo(&project);
    return code ? command_fail(&err) : print_next(project.dir);
}

const struct command command_new = {
    .name = "new",
    .help = "start a project: a pipeline, a script, its tests, types for the editor",
    .operands = "DIR",
    .options = options,
    .details =
        "DIR is made, or must be empty. The pipeline is named after it. What is there runs,\n"
        "and passes its own tests, as it is. For editors it has the types of the Lua library,\n"
        "the schema of pipelines, and the settings that make use of them.\n",
    .example = "  tidemill new traffic && tidemill test traffic\n",
    .run = run,
};
