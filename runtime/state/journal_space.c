// SPDX-License-Identifier: MIT
#include "state/journal_writer.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What takes things away from a journal: cutting back, retention, compaction.

static int unlink_segment(struct journal *journal, uint64_t first, struct error *err)
{
    char path[PATH_MAX];
    segment_path(path, journal->dir, first);
    if (unlink(path) && errno != ENOENT)
        return error_errno(err, ERR_IO, errno, "%s: cannot remove", path);
    return 0;
}

static int no_place(const struct journal *journal, struct journal_place place, struct error *err)
{
    return error_set(err, ERR_REFUSED,
                     "%s: has no sealed place at segment %" PRIu64 ", byte %" PRIu64
                     ", record %" PRIu64,
                     journal->dir, place.segment, place.offset, place.sequence);
}

// Opens the segment of the place into *file and checks that the place is there.
static int open_place(const struct journal *journal, struct journal_place place,
                      struct segment_file *file, struct error *err)
{
    struct segment_header header;
    *file = (struct segment_file){.first = place.segment};
    segment_path(file->path, journal->dir, place.segment);
    int code = segment_open(&file->fd, file->path, place.segment, O_RDWR | O_APPEND, &header, err);
    if (code)
        return code;
    uint64_t sequence;
    code =
        sealed_at(file->fd, file->path, journal->id, place.segment, place.offset, &sequence, err);
    if (code == 1 && sequence == place.sequence)
        return 0;
    close(file->fd);
    return code < 0 ? code : no_place(journal, place, err);
}

// Later segments go first, newest to oldest: a crash on the way leaves a whole, longer journal.
static int remove_later(struct journal *journal, size_t index, struct error *err)
{
    struct segment_list *list = &journal->segments;
    bool any = list->count > index + 1;
    while (list->count > index + 1) {
        int code = unlink_segment(journal, list->firsts[list->count - 1], err);
        if (code)
            return code;
        list->count--;
    }
    return any ? io_fsync_dir(journal->dir, err) : 0;
}

static int count_older(struct journal *journal, struct error *err)
{
    journal->older_bytes = 0;
    for (size_t i = 0; i + 1 < journal->segments.count; i++) {
        char path[PATH_MAX];
        struct stat st;
        segment_path(path, journal->dir, journal->segments.firsts[i]);
        if (stat(path, &st))
            return error_errno(err, ERR_IO, errno, "%s: cannot stat", path);
        journal->older_bytes += (uint64_t)st.st_size;
    }
    return 0;
}

// From here on the journal is the shorter one, or unusable.
static int cut_to(struct journal *journal, size_t index, struct segment_file *file,
                  struct journal_place place, struct error *err)
{
    close(journal->file.fd);
    journal->file = *file;
    file = &journal->file;
    journal->buffer_len = 0;
    file->offset = file->sealed = file->durable = file->kicked = place.offset;
    file->sealed_sequence = file->durable_sequence = journal->next = place.sequence;
    journal->broken = true;
    int code = remove_later(journal, index, err);
    if (!code)
        code = io_truncate(file->fd, file->path, place.offset, err);
    if (!code)
        code = io_datasync(file->fd, file->path, err);
    if (!code)
        code = count_older(journal, err);
    if (code)
        return code;
    journal->broken = false;
    return journal->next == file->first ? 0 : journal_mark(journal, err);
}

int journal_cut(struct journal *journal, struct journal_place place, struct error *err)
{
    int code = journal_usable(journal, err);
    if (code)
        return code;
    size_t index = 0;
    while (index < journal->segments.count && journal->segments.firsts[index] != place.segment)
        index++;
    if (journal->compacting || index == journal->segments.count)
        return no_place(journal, place, err);
    struct segment_file file;
    code = open_place(journal, place, &file, err);
    return code ? code : cut_to(journal, index, &file, place, err);
}

static int drop_oldest(struct journal *journal, const struct stat *st, struct error *err)
{
    struct segment_list *list = &journal->segments;
    int code = unlink_segment(journal, list->firsts[0], err);
    if (code)
        return code;
    journal->older_bytes -= (uint64_t)st->st_size;
    memmove(list->firsts, list->firsts + 1, (list->count - 1) * sizeof *list->firsts);
    list->count--;
    return 0;
}

struct rule { // what to keep
    uint64_t max_bytes, sequence;
    int64_t oldest_ms;
};

static bool too_old(const struct journal *journal, const struct stat *st, const struct rule *rule)
{
    int64_t written_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    return (rule->max_bytes && journal_bytes(journal) > rule->max_bytes) ||
           (rule->oldest_ms && written_ms < rule->oldest_ms) ||
           journal->segments.firsts[1] <= rule->sequence;
}

static int drop_by(struct journal *journal, const struct rule *rule, struct error *err)
{
    int code = journal_usable(journal, err);
    if (!code && journal->compacting)
        code = error_set(err, ERR_BUG, "%s: retention within a compaction", journal->dir);
    bool any = false;
    while (!code && journal->segments.count > 1) {
        char path[PATH_MAX];
        struct stat st;
        segment_path(path, journal->dir, journal->segments.firsts[0]);
        if (stat(path, &st))
            code = error_errno(err, ERR_IO, errno, "%s: cannot stat", path);
        else if (!too_old(journal, &st, rule))
            break;
        else
            code = drop_oldest(journal, &st, err);
        any = true;
    }
    return code || !any ? code : io_fsync_dir(journal->dir, err);
}

int journal_retain(struct journal *journal, uint64_t max_bytes, int64_t oldest_ms,
                   struct error *err)
{
    return drop_by(journal, &(struct rule){.max_bytes = max_bytes, .oldest_ms = oldest_ms}, err);
}

int journal_drop(struct journal *journal, uint64_t sequence, struct error *err)
{
    return drop_by(journal, &(struct rule){.sequence = sequence}, err);
}

int journal_compact_begin(struct journal *journal, struct error *err)
{
    int code = journal->compacting
                   ? error_set(err, ERR_BUG, "%s: compaction within a compaction", journal->dir)
                   : journal_sync(journal, err);
    if (code)
        return code;
    struct segment_header header = {
        .flags = SEGMENT_SNAPSHOT, .first = journal->next, .before = NO_SEGMENT};
    memcpy(header.id, journal->id, sizeof header.id);
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/snapshot.tmp", journal->dir);
    struct segment_file file;
    code = segment_create(&file, path, &header, err);
    if (code)
        return code;
    journal->aside = journal->file;
    journal->aside_next = journal->next;
    journal->file = file;
    journal->compacting = true;
    return 0;
}

void journal_compact_abort(struct journal *journal)
{
    if (!journal->compacting)
        return;
    close(journal->file.fd);
    (void)unlink(journal->file.path); // or the next open does it
    journal->file = journal->aside;
    journal->next = journal->aside_next;
    journal->buffer_len = 0;
    journal->compacting = false;
    journal->broken = false; // if anything was, then the snapshot
}

// The snapshot is there under its name; the rest is no longer needed.
static int replace_all(struct journal *journal, const char *path, struct error *err)
{
    struct segment_list *list = &journal->segments;
    int code = 0;
    (void)snprintf(journal->file.path, sizeof journal->file.path, "%s", path);
    close(journal->aside.fd);
    for (size_t i = 0; i < list->count && !code; i++) {
        if (list->firsts[i] != journal->file.first)
            code = unlink_segment(journal, list->firsts[i], err);
    }
    list->firsts[0] = journal->file.first;
    list->count = 1;
    journal->older_bytes = 0;
    if (!code)
        code = io_fsync_dir(journal->dir, err);
    if (code)
        journal->broken = true; // old files may still lie there: the next open removes them
    return code;
}

int journal_compact_end(struct journal *journal, struct error *err)
{
    if (!journal->compacting)
        return error_set(err, ERR_BUG, "%s: there is no compaction to end", journal->dir);
    char path[PATH_MAX];
    segment_path(path, journal->dir, journal->file.first);
    journal->compacting = false; // so that it seals and syncs as any segment
    int code = journal_sync(journal, err);
    if (!code)
        code = io_rename(journal->file.path, path, err);
    if (!code)
        return replace_all(journal, path, err);
    bool renamed = access(journal->file.path, F_OK) != 0;
    journal->compacting = true;
    journal_compact_abort(journal);
    journal->broken = renamed; // which of the two a power cut leaves is not known
    return code;
}
