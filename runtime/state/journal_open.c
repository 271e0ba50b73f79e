// SPDX-License-Identifier: MIT
#include "state/journal_writer.h"
#include "base/alloc.h"
#include "base/io.h"
#include "state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

int segment_create(struct segment_file *file, const char *temporary,
                   const struct segment_header *header, struct error *err)
{
    unsigned char bytes[SEGMENT_HEADER];
    segment_header_write(bytes, header);
    *file = (struct segment_file){.first = header->first,
                                  .offset = SEGMENT_HEADER,
                                  .sealed = SEGMENT_HEADER,
                                  .sealed_sequence = header->first,
                                  .durable = SEGMENT_HEADER,
                                  .durable_sequence = header->first};
    (void)snprintf(file->path, sizeof file->path, "%s", temporary);
    int code = io_open(&file->fd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0644, err);
    if (code)
        return code;
    code = io_write_all(file->fd, temporary, bytes, sizeof bytes, err);
    if (!code)
        code = io_datasync(file->fd, temporary, err);
    if (code) {
        close(file->fd);
        file->fd = -1;
        (void)unlink(temporary);
    }
    return code;
}

int segment_begin(struct journal *journal, struct segment_file *file,
                  const struct segment_header *header, struct error *err)
{
    char temporary[PATH_MAX], path[PATH_MAX];
    (void)snprintf(temporary, sizeof temporary, "%s/segment.tmp", journal->dir);
    segment_path(path, journal->dir, header->first);
    int code = segment_create(file, temporary, header, err);
    if (code)
        return code;
    code = io_rename(temporary, path, err);
    if (code) {
        close(file->fd);
        file->fd = -1;
        (void)unlink(temporary);
        (void)unlink(path); // it holds nothing yet
        return code;
    }
    memcpy(file->path, path, sizeof path);
    return 0;
}

// The first segment of a new journal.
static int begin(struct journal *journal, struct error *err)
{
    struct segment_header header = {.first = journal->options.first_sequence, .before = NO_SEGMENT};
    if (getrandom(journal->id, sizeof journal->id, 0) != (ssize_t)sizeof journal->id)
        return error_errno(err, ERR_IO, errno, "%s: no random bytes", journal->dir);
    memcpy(header.id, journal->id, sizeof header.id);
    if (segment_list_add(&journal->segments, header.first))
        return error_nomem(err);
    journal->next = header.first;
    return segment_begin(journal, &journal->file, &header, err);
}

static int remove_segment(struct journal *journal, size_t index, struct error *err)
{
    char path[PATH_MAX];
    segment_path(path, journal->dir, journal->segments.firsts[index]);
    if (unlink(path) && errno != ENOENT)
        return error_errno(err, ERR_IO, errno, "%s: cannot remove", path);
    struct segment_list *list = &journal->segments;
    memmove(list->firsts + index, list->firsts + index + 1,
            (list->count - index - 1) * sizeof *list->firsts);
    list->count--;
    return 0;
}

// Reads all headers: one journal, an unbroken chain; what a snapshot replaced is removed.
static int check_chain(struct journal *journal, struct error *err)
{
    struct segment_list *list = &journal->segments;
    uint64_t before = NO_SEGMENT;
    size_t snapshot = 0;
    journal->older_bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        char path[PATH_MAX];
        struct segment_header header;
        struct stat st;
        int fd;
        segment_path(path, journal->dir, list->firsts[i]);
        int code = segment_open(&fd, path, list->firsts[i], O_RDONLY, &header, err);
        if (code)
            return code;
        bool sized = fstat(fd, &st) == 0;
        close(fd);
        if (!sized)
            return error_errno(err, ERR_IO, errno, "%s: cannot stat", path);
        if (header.flags & SEGMENT_SNAPSHOT)
            snapshot = i;
        else if (i && header.before != before)
            return error_set(err, ERR_CORRUPT,
                             "%s: byte 40: follows segment %" PRIu64 ", expected %" PRIu64
                             ": a segment is missing",
                             path, header.before, before);
        if (i && memcmp(header.id, journal->id, sizeof header.id))
            return error_set(err, ERR_CORRUPT, "%s: byte 16: is a segment of another journal",
                             path);
        memcpy(journal->id, header.id, sizeof header.id);
        before = header.first;
        if (i + 1 < list->count)
            journal->older_bytes += (uint64_t)st.st_size;
    }
    for (; snapshot; snapshot--) {
        int code = remove_segment(journal, 0, err);
        if (code)
            return code;
    }
    return 0;
}

// Files that were being made when the end came.
static int drop_leftovers(const struct journal *journal, struct error *err)
{
    static const char *const names[] = {"segment.tmp", "snapshot.tmp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX];
        (void)snprintf(path, sizeof path, "%s/%s", journal->dir, names[i]);
        if (unlink(path) && errno != ENOENT)
            return error_errno(err, ERR_IO, errno, "%s: cannot remove", path);
    }
    return 0;
}

static int load(struct journal *journal, struct error *err)
{
    int code = dir_lock(&journal->lock_fd, journal->dir, journal->options.lock_wait_ms,
                        "is being written", err);
    if (!code)
        code = drop_leftovers(journal, err);
    if (!code)
        code = segment_list_read(&journal->segments, journal->dir, err);
    if (!code)
        code = check_chain(journal, err);
    if (code)
        return code;
    return journal->segments.count ? journal_resume(journal, err) : begin(journal, err);
}

static void defaults(struct journal_options *options)
{
    if (!options->segment_size)
        options->segment_size = 128u << 20;
    if (!options->buffer_size)
        options->buffer_size = 256u << 10;
}

int journal_open(struct journal **out, const char *dir, const struct journal_options *options,
                 struct error *err)
{
    *out = NULL;
    if (strlen(dir) + 32 > PATH_MAX)
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", dir);
    struct journal *journal = mem_zalloc(sizeof *journal);
    if (!journal)
        return error_nomem(err);
    journal->lock_fd = journal->file.fd = -1;
    if (options)
        journal->options = *options;
    defaults(&journal->options);
    journal->dir = mem_strdup(dir);
    journal->buffer = mem_alloc(journal->options.buffer_size + COMMIT_BYTES);
    int code = journal->dir && journal->buffer ? io_mkdir_all(dir, err) : error_nomem(err);
    if (!code)
        code = load(journal, err);
    if (code) {
        journal_abandon(journal);
        return code;
    }
    *out = journal;
    return 0;
}

void journal_abandon(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->compacting)
        journal_compact_abort(journal);
    if (journal->file.fd >= 0)
        close(journal->file.fd);
    if (journal->lock_fd >= 0)
        close(journal->lock_fd); // unlocks
    segment_list_free(&journal->segments);
    mem_free(journal->buffer);
    mem_free(journal->dir);
    mem_free(journal);
}

int journal_close(struct journal *journal, struct error *err)
{
    if (!journal)
        return 0;
    int code = 0;
    if (!journal->compacting && !journal->broken)
        code = journal_sync(journal, err);
    journal_abandon(journal);
    return code;
}
