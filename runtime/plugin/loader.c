// SPDX-License-Identifier: MIT
#include "plugin/loader.h"
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTIONS_DEPTH = 8 };

// The first 12 bytes are the only ones that may be read before the versions agree.
static int check_head(const tide_plugin *plugin, const char *path, struct error *err)
{
    if (plugin->abi_major != TIDE_ABI_MAJOR)
        return error_set(err, ERR_INPUT,
                         "%s: plugin ABI %u.%u found, %u.x wanted: build it against "
                         "this version's headers",
                         path, plugin->abi_major, plugin->abi_minor, TIDE_ABI_MAJOR);
    if (!TIDE_HAS(plugin, connection))
        return error_set(err, ERR_INPUT, "%s: descriptor of %u bytes found, at least %zu wanted",
                         path, plugin->struct_size, sizeof(tide_plugin));
    return 0;
}

static bool name_is_good(const char *name)
{
    if (!name || name[0] < 'a' || name[0] > 'z' || strlen(name) > 64)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static bool type_is_known(int32_t type)
{
    return type >= TIDE_TEXT && type <= TIDE_RANGE;
}

// What is wrong with an option itself; NULL: nothing.
static const char *option_fault(const tide_option *o)
{
    int32_t type = o->type == TIDE_LIST ? o->item : o->type;
    if (!o->name[0])
        return "has an empty name";
    if (!type_is_known(o->type))
        return "has an unknown type";
    if (!type_is_known(type) || (o->type == TIDE_LIST && type == TIDE_LIST))
        return "is a list of an unknown type";
    if (type == TIDE_CHOICE && (!o->choices || !o->choices[0]))
        return "is a choice without choices";
    if (type == TIDE_MAP && !o->members)
        return "is a map without members";
    if (o->min > o->max)
        return "has a range that is empty";
    return NULL;
}

static int check_options(const tide_option *options, const char *path, const char *part,
                         uint32_t depth, struct error *err)
{
    if (depth == OPTIONS_DEPTH)
        return error_set(err, ERR_INPUT, "%s: its %s options are nested deeper than %d", path, part,
                         OPTIONS_DEPTH);
    for (const tide_option *o = options; o && o->name; o++) {
        const char *fault = option_fault(o);
        for (const tide_option *other = options; !fault && other < o; other++)
            if (!strcmp(other->name, o->name))
                fault = "is there twice";
        if (fault)
            return error_set(err, ERR_INPUT, "%s: %s option '%.64s' %s (type %d)", path, part,
                             o->name, fault, o->type);
        if (check_options(o->members, path, part, depth + 1, err))
            return ERR_INPUT;
    }
    return 0;
}

static int lacks(const char *path, const char *part, const char *what, struct error *err)
{
    return error_set(err, ERR_INPUT, "%s: its %s lacks %s", path, part, what);
}

static int check_source(const tide_source *source, const char *path, struct error *err)
{
    if (!source)
        return 0;
    if (!TIDE_HAS(source, read) || !source->open || !source->close || !source->assign ||
        !source->read)
        return lacks(path, "source", "open, close, assign or read", err);
    if ((source->capabilities & TIDE_SOURCE_REPLAYABLE) &&
        !(source->capabilities & TIDE_SOURCE_STREAM) &&
        (!TIDE_HAS(source, position) || !source->position))
        return lacks(path, "source", "position, though it says REPLAYABLE", err);
    return check_options(source->options, path, "source", 0, err);
}

static int check_sink(const tide_sink *sink, const char *path, struct error *err)
{
    if (!sink)
        return 0;
    if (!TIDE_HAS(sink, flush) || !sink->open || !sink->close || !sink->write || !sink->flush)
        return lacks(path, "sink", "open, close, write or flush", err);
    if ((sink->capabilities & TIDE_SINK_TWO_PHASE) &&
        (!TIDE_HAS(sink, abort) || !sink->prepare || !sink->commit || !sink->abort))
        return lacks(path, "sink", "prepare, commit or abort, though it says TWO_PHASE", err);
    return check_options(sink->options, path, "sink", 0, err);
}

static int check_connection(const tide_connection *connection, const char *path, struct error *err)
{
    if (!connection)
        return 0;
    if (!TIDE_HAS(connection, close) || !connection->open || !connection->close)
        return lacks(path, "connection", "open or close", err);
    return check_options(connection->options, path, "connection", 0, err);
}

static int check_plugin(const tide_plugin *plugin, const char *path, struct error *err)
{
    if (check_head(plugin, path, err))
        return ERR_INPUT;
    if (!name_is_good(plugin->name))
        return error_set(err, ERR_INPUT, "%s: plugin name '%.64s' found, [a-z][a-z0-9_]* wanted",
                         path, plugin->name ? plugin->name : "");
    if (!plugin->source && !plugin->sink)
        return error_set(err, ERR_INPUT, "%s: neither a source nor a sink", path);
    if (check_source(plugin->source, path, err) || check_sink(plugin->sink, path, err) ||
        check_connection(plugin->connection, path, err))
        return ERR_INPUT;
    return 0;
}

// Root, the process's own, and who can replace the program itself anyway.
static bool trusted_user(uid_t user)
{
    struct stat program;
    if (user == 0 || user == geteuid())
        return true;
    return stat("/proc/self/exe", &program) == 0 && program.st_uid == user;
}

static bool trusted_group(gid_t group)
{
    struct stat program;
    if (group == 0 || group == getegid())
        return true;
    return stat("/proc/self/exe", &program) == 0 && program.st_gid == group &&
           program.st_mode & S_IWGRP;
}

// Who else may write there.
static int check_owner(const struct stat *st, const char *path, struct error *err)
{
    unsigned mode = (unsigned)st->st_mode & 07777;
    if (!trusted_user(st->st_uid))
        return error_set(err, ERR_INPUT, "%s: owned by uid %u; root or uid %u wanted", path,
                         (unsigned)st->st_uid, (unsigned)geteuid());
    if (st->st_mode & S_IWOTH)
        return error_set(err, ERR_INPUT,
                         "%s: writable by everybody (mode %04o); wanted: by its "
                         "owner alone",
                         path, mode);
    if (st->st_mode & S_IWGRP && !trusted_group(st->st_gid))
        return error_set(err, ERR_INPUT,
                         "%s: writable by group %u (mode %04o); wanted: by its "
                         "owner alone",
                         path, (unsigned)st->st_gid, mode);
    return 0;
}

// A directory on the way. In one with the sticky bit (/tmp) entries of others stay where they are,
// which does for those above the file's own.
static int check_dir(const char *path, bool own, struct error *err)
{
    struct stat st;
    if (stat(path, &st))
        return error_errno(err, ERR_INPUT, errno, "%s", path);
    if (!own && st.st_mode & S_ISVTX)
        st.st_mode &= ~(mode_t)(S_IWOTH | S_IWGRP);
    return check_owner(&st, path, err);
}

// Every directory above: who may rename one of them can put another file in place of this.
static int check_dirs(const char *path, struct error *err)
{
    char dir[PATH_MAX];
    size_t len = strlen(path);
    bool own = true;
    if (len >= sizeof dir)
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", path);
    memcpy(dir, path, len + 1);
    for (char *slash; (slash = strrchr(dir, '/')); own = false) {
        *slash = '\0';
        if (check_dir(dir[0] ? dir : "/", own, err))
            return ERR_INPUT;
    }
    return 0;
}

static int check_file(const char *path, struct error *err)
{
    struct stat st;
    if (stat(path, &st))
        return error_errno(err, ERR_INPUT, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERR_INPUT, "%s: not a regular file", path);
    return check_owner(&st, path, err);
}

// The directories of `path` itself, which may be a link: they are made real first.
static int check_link(const char *path, struct error *err)
{
    char dir[PATH_MAX], real[PATH_MAX + 2];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 1;
    memcpy(dir, slash ? path : ".", len);
    dir[len] = '\0';
    if (!realpath(len ? dir : "/", real))
        return error_errno(err, ERR_INPUT, errno, "%s", dir);
    len = strlen(real);
    memcpy(real + len, "/.", 3); // as a file in it, so that the directory itself is looked at
    return check_dirs(real, err);
}

// The directories of a link and of the file that it leads to are checked, up to the root: who may
// write to none of them cannot put another file in its place.
static int open_checked(const char *path, void **handle, struct error *err)
{
    char real[PATH_MAX];
    if (!realpath(path, real))
        return error_errno(err, ERR_INPUT, errno, "%s", path);
    if (check_file(real, err) || check_dirs(real, err) || check_link(path, err))
        return ERR_INPUT;
    *handle = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    return *handle ? 0 : error_set(err, ERR_INPUT, "%s: %s", path, dlerror());
}

int loader_open(const char *path, const tide_plugin **out, struct error *err)
{
    void *handle = NULL;
    if (open_checked(path, &handle, err))
        return ERR_INPUT;
    void *symbol = dlsym(handle, "tide_plugin_entry");
    if (!symbol) // it stays mapped: its constructors may have left threads or handlers behind
        return error_set(err, ERR_INPUT, "%s: no symbol tide_plugin_entry: not a Tidemill plugin",
                         path);
    const tide_plugin *(*entry)(uint32_t, uint32_t);
    memcpy(&entry, &symbol, sizeof entry); // the POSIX way from object to function pointer
    const tide_plugin *plugin = entry(TIDE_ABI_MAJOR, TIDE_ABI_MINOR);
    if (!plugin)
        return error_set(err, ERR_INPUT, "%s: the plugin refuses host ABI %u.%u", path,
                         TIDE_ABI_MAJOR, TIDE_ABI_MINOR);
    if (check_plugin(plugin, path, err))
        return ERR_INPUT;
    *out = plugin;
    return 0;
}
