// SPDX-License-Identifier: MIT
#include "lua/chunk.h"
#include "base/alloc.h"
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, char *out, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, out + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO; // shorter than it was a moment ago
        got += (size_t)n;
    }
    return 0;
}

int chunk_read(char **out, size_t *len, const char *path, const char *name, struct error *err)
{
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd < 0) {
        (void)error_errno(err, ERR_INPUT, errno, "%s: cannot open the script", name);
        (void)error_as(err, REASON_UNREADABLE_FILE);
        return ERR_INPUT;
    }
    struct stat st;
    int rc = 0;
    char *text = NULL;
    if (fstat(fd, &st) != 0)
        rc = error_errno(err, ERR_INPUT, errno, "%s: cannot open the script", name);
    else if (!S_ISREG(st.st_mode))
        rc = error_set(err, ERR_INPUT, "%s: not a file", name);
    else if (st.st_size > CHUNK_FILE_MAX)
        rc = error_set(err, ERR_INPUT, "%s: a script of more than %d bytes", name, CHUNK_FILE_MAX);
    else if (!(text = mem_alloc((size_t)st.st_size + 1)))
        rc = error_nomem(err);
    if (rc == 0) {
        int failed = read_all(fd, text, (size_t)st.st_size);
        if (failed)
            rc = error_errno(err, ERR_INPUT, failed, "%s: cannot read the script", name);
    }
    close(fd);
    if (rc != 0) {
        mem_free(text);
        if (rc == ERR_INPUT)
            (void)error_as(err, REASON_UNREADABLE_FILE);
        return rc;
    }
    *out = text;
    *len = (size_t)st.st_size;
    return 0;
}

struct reader {
    const char *text;
    size_t len;
    int newlines; // to come before the text, so that its lines have their numbers
};

static const char *read_piece(lua_State *L, void *arg, size_t *size)
{
    vm_check_time(L); // compiling takes long when a text is made for it
    static const char newlines[] =
        "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
    struct reader *reader = arg;
    if (reader->newlines > 0) {
        int n = reader->newlines < 32 ? reader->newlines : 32;
        reader->newlines -= n;
        *size = (size_t)n;
        return newlines;
    }
    enum { PIECE = 1024 };
    const char *text = reader->text;
    *size = reader->len < PIECE ? reader->len : PIECE;
    reader->text += *size;
    reader->len -= *size;
    return *size ? text : NULL;
}

// A byte order mark and a first line that begins with # are not Lua.
static void skip_head(struct reader *reader)
{
    if (reader->len >= 3 && memcmp(reader->text, "\xef\xbb\xbf", 3) == 0) {
        reader->text += 3;
        reader->len -= 3;
    }
    if (reader->len && reader->text[0] == '#') {
        while (reader->len && reader->text[0] != '\n') {
            reader->text++;
            reader->len--;
        }
    }
}

void chunk_compile(lua_State *L, const char *text, size_t len, const char *name, int first_line)
{
    struct reader reader = {.text = text, .len = len, .newlines = first_line - 1};
    skip_head(&reader);
    lua_pushfstring(L, "=%s", name);                                     // name
    int rc = lua_load(L, read_piece, &reader, lua_tostring(L, -1), "t"); // name chunk
    lua_remove(L, -2);                                                   // chunk
    if (rc == LUA_ERRMEM)
        vm_stop(L, vm_of(L)->stop_text[0] ? VM_MEMORY : VM_NOMEM, "out of memory");
    vm_of(L)->bad_syntax = rc == LUA_ERRSYNTAX;
    if (rc != LUA_OK)
        lua_error(L);              // also when its time was over
    sandbox_push_env(L);           // chunk env
    if (!lua_setupvalue(L, -2, 1)) // chunk [env]
        lua_pop(L, 1);             // a chunk that names no global                      // chunk
}
