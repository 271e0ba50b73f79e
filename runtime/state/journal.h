// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

// The one durable primitive of the house: a directory of append-only segment files.
//
//   <dir>/lock                          held (flock) by the one writer; says its process id
//   <dir>/00000000000000000000.seg      named by the number of their first record
//   <dir>/00000000000000081920.seg
//
// A segment is a header (magic, version, the journal's random id, place in the chain) and frames. A
// frame is an ENTRY: bytes of the user that hold `count` records with numbers that follow each
// other, `sequence` being the first; or a COMMIT, which seals all that lies before it. Each frame
// carries a CRC-32C over its header and content.
//
// What always holds:
//   - Readers (any number, this or other processes) see sealed entries only, in order, each whole
//     and checked. Bytes that do not check are ERR_CORRUPT with file, byte, expected and found.
//   - What was synced survives a power cut. What was sealed survives the end of the process.
//   - A torn tail is cut when a writer opens. A commit says how far the file was durable when it
//   was
//     written: damage before that point was no torn write, and is refused instead of cut.
//   - An error of append, seal or retain leaves the journal as it was and may be tried again. A
//     failed sync is never tried again: the file is cut to what is surely durable, and every later
//     call says ERR_FATAL. A journal that was not closed is continued in a new segment.
//
// A writer and a reader each belong to one thread at a time.

enum { JOURNAL_ID_BYTES = 16, JOURNAL_ENTRY_MAX = 1 << 30 };

// A sealed place: behind it nothing of the entries before it, before it nothing of those behind.
struct journal_place {
    uint64_t segment;  // its first record
    uint64_t offset;   // byte in its file
    uint64_t sequence; // of the record that comes next
};

// -- writing --

struct journal;

struct journal_options {     // zero: the default
    uint64_t segment_size;   // a new segment is begun beyond this; 128 MiB
    uint64_t first_sequence; // of a new journal; 0
    size_t buffer_size;      // appends up to this are gathered before a write; 256 KiB
    uint32_t lock_wait_ms;   // how long to wait for another process to let go; 0: refused at once
};

// Opens or makes the journal in `dir`. ERR_REFUSED: another writer has it (the text names directory
// and process).
int journal_open(struct journal **out, const char *dir, const struct journal_options *options,
                 struct error *err);
// Seals, syncs and frees. The journal is gone also when that failed.
int journal_close(struct journal *journal, struct error *err);
// Frees without sealing: leaves what a crash would leave. NULL is fine.
void journal_abandon(struct journal *journal);

enum { JOURNAL_SEAL = 1 };
// Adds one entry of `count` records made of `parts`. *sequence (may be NULL) = number of its first.
// JOURNAL_SEAL: seals with the same write.
int journal_append(struct journal *journal, const struct iovec *parts, size_t part_count,
                   uint32_t count, unsigned flags, uint64_t *sequence, struct error *err);
int journal_seal(struct journal *journal, struct error *err); // readers see it
int journal_sync(struct journal *journal, struct error *err); // sealed, and survives a power cut

struct journal_place journal_end(const struct journal *journal);     // behind what is sealed
struct journal_place journal_durable(const struct journal *journal); // behind what was synced
// Back to a place that journal_end or journal_durable told, now or in an earlier run: what was
// appended since is gone, durably. ERR_REFUSED: the journal has no such place.
int journal_cut(struct journal *journal, struct journal_place place, struct error *err);

uint64_t journal_first(const struct journal *journal); // number of the first record that is kept
uint64_t journal_next(const struct journal *journal);  // number that the next entry will have
const unsigned char *journal_id(const struct journal *journal);
uint64_t journal_bytes(const struct journal *journal); // in all segments

// Drops whole segments from the front: while there are more than `max_bytes` in all (0: any), and
// those last written before `oldest_ms` of wall time (0: any). The newest always stays.
int journal_retain(struct journal *journal, uint64_t max_bytes, int64_t oldest_ms,
                   struct error *err);
// Drops segments that hold only records before `sequence`.
int journal_drop(struct journal *journal, uint64_t sequence, struct error *err);

// Compaction: what is appended between begin and end becomes a snapshot that takes the place of
// everything before it, in one atomic step (written aside, synced, renamed). A crash or an abort in
// between leaves the journal as it was. No seal, sync, cut, retain or drop meanwhile.
int journal_compact_begin(struct journal *journal, struct error *err);
int journal_compact_end(struct journal *journal, struct error *err);
void journal_compact_abort(struct journal *journal);

// -- reading --
//
// A reader hands out what is sealed, and of what is sealed together all or nothing: also after a
// power cut, before a writer came, it does not see what the writer then cuts off.

struct journal_reader;
struct journal_chunk; // bytes of a file, shared by reference

struct journal_entry {
    const void *data; // in the reader's chunk: valid until the next call, or as long as it is held
    size_t len;
    uint64_t sequence;
    uint32_t count;
};

// Begins at the first record that is there. `chunk_size`: bytes to read at once, 0: 256 KiB.
// ERR_RETRY: there is no journal in `dir` (yet).
int journal_reader_open(struct journal_reader **out, const char *dir, size_t chunk_size,
                        struct error *err);
void journal_reader_close(struct journal_reader *reader); // held chunks stay; NULL is fine
// 1: the next entry; 0: nothing more is sealed now; or an error. ERR_LIMIT: what comes next was
// dropped by retention (seek on).
int journal_reader_next(struct journal_reader *reader, struct journal_entry *entry,
                        struct error *err);
// To the entry that holds record `sequence`, or to the end if that is where it is. ERR_LIMIT: it
// was dropped by retention; ERR_REFUSED: it lies beyond the end.
int journal_reader_seek(struct journal_reader *reader, uint64_t sequence, struct error *err);
// The numbers of the first record and of the one that comes behind the last sealed one.
int journal_reader_bounds(struct journal_reader *reader, uint64_t *first, uint64_t *next,
                          struct error *err);
uint64_t journal_reader_at(const struct journal_reader *reader); // number of the next record
const unsigned char *journal_reader_id(const struct journal_reader *reader);

// A reference to the chunk that the last entry lies in. Any thread may release it.
struct journal_chunk *journal_reader_hold(struct journal_reader *reader);
void journal_chunk_release(struct journal_chunk *chunk);
