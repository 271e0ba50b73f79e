// SPDX-License-Identifier: MIT
#include "state/journal_writer.h"
#include "base/io.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PARTS_MAX = 14, KICK_BYTES = 8 << 20 };

int journal_usable(const struct journal *journal, struct error *err)
{
    if (journal->broken)
        return error_set(err, ERR_FATAL, "%s: cannot go on after a failed write or sync: reopen it",
                         journal->dir);
    return 0;
}

// Cuts the file back to `offset` after a failure; what cannot be cut makes the journal unusable.
static void cut_back(struct journal *journal, uint64_t offset)
{
    if (io_truncate(journal->file.fd, journal->file.path, offset, NULL))
        journal->broken = true;
}

// Asks the kernel to write out in the background what has gathered, so that a sync finds little.
static void kick(struct segment_file *file)
{
    if (file->offset - file->kicked < KICK_BYTES)
        return;
    (void)sync_file_range(file->fd, (off_t)file->kicked, (off_t)(file->offset - file->kicked),
                          SYNC_FILE_RANGE_WRITE); // a hint: its failure shows in the sync
    file->kicked = file->offset;
}

// Writes the buffer and `parts` behind it: all, or nothing.
static int write_out(struct journal *journal, struct iovec *parts, size_t part_count, size_t len,
                     struct error *err)
{
    struct segment_file *file = &journal->file;
    struct iovec all[PARTS_MAX + 3];
    all[0] = (struct iovec){journal->buffer, journal->buffer_len};
    memcpy(all + 1, parts, part_count * sizeof *parts);
    int code = io_writev_all(file->fd, file->path, all, part_count + 1, err);
    if (code) {
        cut_back(journal, file->offset);
        return code;
    }
    file->offset += journal->buffer_len + len;
    journal->buffer_len = 0;
    kick(file);
    return 0;
}

static void put(struct journal *journal, const void *bytes, size_t len)
{
    if (len)
        memcpy(journal->buffer + journal->buffer_len, bytes, len);
    journal->buffer_len += len;
}

// All is written and ends with a commit: readers see it.
static void sealed(struct journal *journal)
{
    journal->file.sealed = journal->file.offset;
    journal->file.sealed_sequence = journal->next;
}

static void make_commit(const struct journal *journal, unsigned char out[COMMIT_BYTES],
                        uint64_t sequence, uint64_t offset)
{
    commit_write(out, journal->id, sequence, offset, journal->file.durable);
}

int journal_seal(struct journal *journal, struct error *err)
{
    int code = journal_usable(journal, err);
    if (code || journal->compacting || !journal_unsealed(journal))
        return code;
    unsigned char commit[COMMIT_BYTES];
    make_commit(journal, commit, journal->next, journal->file.offset + journal->buffer_len);
    struct iovec part = {commit, sizeof commit};
    code = write_out(journal, &part, 1, sizeof commit, err);
    if (!code)
        sealed(journal);
    return code;
}

// Small entries are gathered in the buffer, which has room for a commit more than its size.
static void append_small(struct journal *journal, const unsigned char *header,
                         const struct iovec *parts, size_t part_count)
{
    put(journal, header, FRAME_HEADER);
    for (size_t i = 0; i < part_count; i++)
        put(journal, parts[i].iov_base, parts[i].iov_len);
}

static int append_large(struct journal *journal, unsigned char *header, const struct iovec *parts,
                        size_t part_count, size_t len, struct error *err)
{
    struct iovec all[PARTS_MAX + 1];
    all[0] = (struct iovec){header, FRAME_HEADER};
    memcpy(all + 1, parts, part_count * sizeof *parts);
    return write_out(journal, all, part_count + 1, FRAME_HEADER + len, err);
}

// Entry and commit in one write; when that fails neither is there.
static int append_sealed(struct journal *journal, unsigned char *header, const struct iovec *parts,
                         size_t part_count, size_t len, uint64_t next, struct error *err)
{
    unsigned char commit[COMMIT_BYTES];
    make_commit(journal, commit, next,
                journal->file.offset + journal->buffer_len + FRAME_HEADER + len);
    struct iovec all[PARTS_MAX + 2];
    all[0] = (struct iovec){header, FRAME_HEADER};
    memcpy(all + 1, parts, part_count * sizeof *parts);
    all[part_count + 1] = (struct iovec){commit, sizeof commit};
    int code = write_out(journal, all, part_count + 2, FRAME_HEADER + len + sizeof commit, err);
    if (!code) {
        journal->next = next;
        sealed(journal);
    }
    return code;
}

static int check_append(const struct journal *journal, const struct iovec *parts, size_t part_count,
                        uint32_t count, size_t *len, struct error *err)
{
    *len = 0;
    if (part_count > PARTS_MAX || count == 0)
        return error_set(err, ERR_BUG, "%s: an entry of %zu parts and %u records", journal->dir,
                         part_count, count);
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].iov_len > JOURNAL_ENTRY_MAX - *len)
            return error_set(err, ERR_LIMIT, "%s: an entry of more than %d bytes", journal->dir,
                             JOURNAL_ENTRY_MAX);
        *len += parts[i].iov_len;
    }
    return journal_usable(journal, err);
}

int journal_append(struct journal *journal, const struct iovec *parts, size_t part_count,
                   uint32_t count, unsigned flags, uint64_t *sequence, struct error *err)
{
    size_t len;
    int code = check_append(journal, parts, part_count, count, &len, err);
    if (!code && !journal_unsealed(journal) && !journal->compacting &&
        journal->file.offset >= journal->options.segment_size)
        code = journal_roll(journal, err);
    if (code)
        return code;
    unsigned char header[FRAME_HEADER];
    uint64_t first = journal->next;
    entry_write(header, first, count, parts, part_count, len);
    if ((flags & JOURNAL_SEAL) && !journal->compacting)
        code = append_sealed(journal, header, parts, part_count, len, first + count, err);
    else if (journal->buffer_len + FRAME_HEADER + len <= journal->options.buffer_size)
        append_small(journal, header, parts, part_count);
    else
        code = append_large(journal, header, parts, part_count, len, err);
    if (code)
        return code;
    journal->next = first + count;
    if (sequence)
        *sequence = first;
    return 0;
}

// The mark is a help for who opens after a crash; that it cannot be written is not an error.
int journal_mark(struct journal *journal, struct error *err)
{
    struct segment_file *file = &journal->file;
    unsigned char commit[COMMIT_BYTES];
    make_commit(journal, commit, journal->next, file->offset);
    if (io_write_all(file->fd, file->path, commit, sizeof commit, NULL))
        cut_back(journal, file->offset);
    else
        file->offset += sizeof commit;
    file->sealed = file->offset;
    return journal_usable(journal, err);
}

int journal_sync(struct journal *journal, struct error *err)
{
    struct segment_file *file = &journal->file;
    if (journal->compacting)
        return error_set(err, ERR_BUG, "%s: sync within a compaction", journal->dir);
    int code = journal_seal(journal, err);
    if (code || file->durable_sequence == file->sealed_sequence)
        return code;
    code = io_datasync(file->fd, file->path, err);
    if (code) {
        journal->broken = true;
        cut_back(journal, file->durable); // so that nobody takes for durable what is not
        return code;
    }
    file->durable = file->sealed;
    file->durable_sequence = file->sealed_sequence;
    return journal_mark(journal, err);
}

int journal_roll(struct journal *journal, struct error *err)
{
    int code = journal_sync(journal, err);
    if (code || journal->next == journal->file.first)
        return code;
    struct segment_header header = {.first = journal->next, .before = journal->file.first};
    memcpy(header.id, journal->id, sizeof header.id);
    struct segment_file file;
    if (segment_list_add(&journal->segments, header.first))
        return error_nomem(err);
    code = segment_begin(journal, &file, &header, err);
    if (code) {
        journal->segments.count--;
        return code;
    }
    close(journal->file.fd);
    journal->older_bytes += journal->file.offset;
    journal->file = file;
    return 0;
}

struct journal_place journal_end(const struct journal *journal)
{
    const struct segment_file *file = &journal->file;
    return (struct journal_place){file->first, file->sealed, file->sealed_sequence};
}

struct journal_place journal_durable(const struct journal *journal)
{
    const struct segment_file *file = &journal->file;
    return (struct journal_place){file->first, file->durable, file->durable_sequence};
}

uint64_t journal_first(const struct journal *journal)
{
    return journal->segments.firsts[0];
}

uint64_t journal_next(const struct journal *journal)
{
    return journal->next;
}

const unsigned char *journal_id(const struct journal *journal)
{
    return journal->id;
}

uint64_t journal_bytes(const struct journal *journal)
{
    return journal->older_bytes + journal->file.offset + journal->buffer_len;
}
