// SPDX-License-Identifier: MIT
#include "base/buf.h"
#include "base/io.h"
#include "cli/embedded.h"
#include "cli/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// tidemill plugin new: made beside its place under another name, and renamed when it is whole.
//
// The templates' lines that begin with "%s " are for plugins with a source, "%k " with a sink, "%S
// " and "%K " without.

static const char placeholder[] = "my_plugin", folder[] = "runtime/cli/plugin_project/";

enum { FILE_MAX_BYTES = 1 << 20, NAME_MAX_BYTES = 64, OPEN_DIRECTORIES = 8 };

struct scaffold {
    const char *name;
    bool source, sink;
};

static bool name_is_good(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z' && strlen(name) <= NAME_MAX_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

// "gitignore.in" becomes ".gitignore". NULL: this plugin has no such file.
static const char *place_of(const struct scaffold *s, const struct embedded_file *file,
                            char out[NAME_MAX_BYTES])
{
    const char *name = file->name + strlen(folder);
    if ((!s->source && !strcmp(name, "source.c.in")) || (!s->sink && !strcmp(name, "sink.c.in")))
        return NULL;
    (void)snprintf(out, NAME_MAX_BYTES, "%s%.*s", !strncmp(name, "git", 3) ? "." : "",
                   (int)(strlen(name) - strlen(".in")), name);
    return out;
}

// What is left of the line; NULL: it is for another kind of plugin.
static const char *wanted_part(const struct scaffold *s, const char *line)
{
    if (line[0] != '%' || !line[1] || line[2] != ' ')
        return line;
    bool keep = line[1] == 's'   ? s->source
                : line[1] == 'k' ? s->sink
                : line[1] == 'S' ? !s->source
                                 : !s->sink;
    return keep ? line + 3 : NULL;
}

static int put_line(const struct scaffold *s, const char *line, const char *end, struct buf *out)
{
    int code = 0;
    for (const char *at;
         !code && (at = memmem(line, (size_t)(end - line), placeholder, strlen(placeholder)));
         line = at + strlen(placeholder)) {
        code = buf_append(out, line, (size_t)(at - line));
        code = code ? code : buf_puts(out, s->name);
    }
    return code ? code : buf_append(out, line, (size_t)(end - line));
}

static int fill_in(const struct scaffold *s, const struct embedded_file *file, struct buf *out)
{
    const char *line = (const char *)file->bytes, *end = line + file->len;
    int code = 0;
    bool gap = true; // no two empty lines where something was left out
    while (line < end && !code) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next ? next + 1 : end;
        const char *part = wanted_part(s, line);
        bool empty = part && *part == '\n';
        if (part && !(empty && gap))
            code = put_line(s, part, next, out);
        gap = part ? empty : gap;
        line = next;
    }
    return code;
}

static int add_file(const struct scaffold *s, const char *dir, const struct embedded_file *file,
                    struct error *err)
{
    char path[PATH_MAX], name[NAME_MAX_BYTES];
    struct buf text;
    int fd = -1;
    if (!place_of(s, file, name))
        return 0;
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return error_set(err, ERR_INPUT, "%s: the path is too long", dir);
    buf_init(&text, FILE_MAX_BYTES);
    int code = fill_in(s, file, &text) ? error_nomem(err) : 0;
    if (!code)
        code = io_open(&fd, path, O_WRONLY | O_CREAT | O_EXCL, 0644, err);
    if (!code)
        code = io_write_all(fd, path, text.data, text.len, err);
    if (fd >= 0 && close(fd) && !code)
        code = error_errno(err, ERR_IO, errno, "%s", path);
    buf_deinit(&text);
    return code;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    (void)remove(path);
    return 0;
}

static int make_whole(const struct scaffold *s, const char *dir, struct error *err)
{
    char made[PATH_MAX];
    struct stat st;
    if (!lstat(dir, &st))
        return error_set(err, ERR_REFUSED, "%s is there already: nothing was changed", dir);
    if (snprintf(made, sizeof made, "%s.XXXXXX", dir) >= (int)sizeof made)
        return error_set(err, ERR_INPUT, "%s: the path is too long", dir);
    if (!mkdtemp(made))
        return error_errno(err, ERR_IO, errno, "%s", dir);
    int code = chmod(made, 0755) ? error_errno(err, ERR_IO, errno, "%s", made) : 0;
    for (const struct embedded_file *file = plugin_files; !code && file->name; file++)
        code = add_file(s, made, file, err);
    if (!code && renameat2(AT_FDCWD, made, AT_FDCWD, dir, RENAME_NOREPLACE))
        code = error_errno(err, ERR_IO, errno, "%s", dir);
    if (code)
        (void)nftw(made, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
    return code;
}

static enum exit_status print_next(const struct scaffold *s, const char *dir)
{
    char name[NAME_MAX_BYTES];
    printf("%s:\n", dir);
    for (const struct embedded_file *file = plugin_files; file->name; file++)
        if (place_of(s, file, name))
            printf("  %s\n", name);
    printf("\nNext:\n  cmake -S %s -B %s/build\n  cmake --build %s/build\n"
           "  ctest --test-dir %s/build\n",
           dir, dir, dir, dir);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

enum exit_status plugin_new(const struct args *args, const char *name)
{
    struct error err = ERROR_INIT;
    struct scaffold s = {name, args_flag(args, "source"), args_flag(args, "sink")};
    const char *dir = args_text(args, "dir");
    char plain[PATH_MAX];
    if (!name_is_good(name)) {
        (void)error_set(&err, ERR_INPUT,
                        "'%.64s': a plugin's name is [a-z][a-z0-9_]*, at most %d long", name,
                        NAME_MAX_BYTES);
        return command_fail(&err);
    }
    if (!s.source && !s.sink)
        s.source = s.sink = true;
    (void)snprintf(plain, sizeof plain, "%s", dir ? dir : name);
    for (size_t len = strlen(plain); len > 1 && plain[len - 1] == '/';)
        plain[--len] = '\0';
    return make_whole(&s, plain, &err) ? command_fail(&err) : print_next(&s, plain);
}
