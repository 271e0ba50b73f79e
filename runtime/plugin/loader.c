// SPDX-License-Identifier: MIT
#include "plugin/loader.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int check_options(const tide_option *options, const char *path, const char *part,
                         struct error *err)
{
    for (const tide_option *o = options; o && o->name; o++) {
        if (o->type < TIDE_TEXT || o->type > TIDE_RANGE)
            return error_set(err, ERR_INPUT, "%s: %s option '%s' has unknown type %d", path, part,
                             o->name, o->type);
        if (o->type == TIDE_CHOICE && !o->choices)
            return error_set(err, ERR_INPUT, "%s: %s option '%s' is a choice without choices", path,
                             part, o->name);
        if (o->type == TIDE_MAP && !o->members)
            return error_set(err, ERR_INPUT, "%s: %s option '%s' is a map without members", path,
                             part, o->name);
        if (o->members && check_options(o->members, path, part, err))
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
    return check_options(source->options, path, "source", err);
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
    return check_options(sink->options, path, "sink", err);
}

static int check_connection(const tide_connection *connection, const char *path, struct error *err)
{
    if (!connection)
        return 0;
    if (!TIDE_HAS(connection, close) || !connection->open || !connection->close)
        return lacks(path, "connection", "open or close", err);
    return check_options(connection->options, path, "connection", err);
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

static int check_owner(const struct stat *st, const char *path, struct error *err)
{
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return error_set(err, ERR_INPUT, "%s: owned by uid %u; root or uid %u wanted", path,
                         (unsigned)st->st_uid, (unsigned)geteuid());
    if (st->st_mode & S_IWOTH)
        return error_set(err, ERR_INPUT, "%s: writable by everybody (mode %04o)", path,
                         (unsigned)(st->st_mode & 07777));
    return 0;
}

static int check_dir(const char *path, struct error *err)
{
    char dir[4096];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= sizeof dir)
        return error_set(err, ERR_INPUT, "%s: path is too long", path);
    memcpy(dir, slash ? path : ".", slash ? len : 1);
    dir[slash ? len : 1] = '\0';
    struct stat st;
    if (stat(dir[0] ? dir : "/", &st))
        return error_errno(err, ERR_INPUT, errno, "%s", dir);
    return check_owner(&st, dir, err);
}

static int open_checked(const char *path, void **handle, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, ERR_INPUT, errno, "%s", path);
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st))
        rc = error_errno(err, ERR_INPUT, errno, "%s", path);
    else if (!S_ISREG(st.st_mode))
        rc = error_set(err, ERR_INPUT, "%s: not a regular file", path);
    else if (check_owner(&st, path, err) || check_dir(path, err))
        rc = ERR_INPUT;
    if (!rc) {
        *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!*handle)
            rc = error_set(err, ERR_INPUT, "%s: %s", path, dlerror());
    }
    close(fd);
    return rc;
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
