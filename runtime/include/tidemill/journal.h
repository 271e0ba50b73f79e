/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/abi.h"

/* Durable storage for plugins: host->journal. A journal is a directory of append-only segment files
 * with checksums; it has one writer (in all processes) and any number of readers, which see only
 * what the writer sealed. An entry is a blob of the plugin that stands for `count` records; records
 * are numbered from 0 without gaps, an entry is found by the number of its first.
 *
 * What holds: sealed entries survive the end of the process, synced ones a power cut. Opening to
 * write cuts a torn tail. Bytes that do not check are never handed out.
 *
 * Threads: each writer and reader belongs to one thread at a time; different ones are independent.
 * Calls may block on the disk. Memory: what the host hands out is borrowed as said at each
 * function; what is handed in is copied or written before the call returns.
 *
 * Results: TIDE_OK, or after writing one line of reason to `why` (TIDE_WHY bytes of the caller, or
 * NULL), for the plugin's host->fail:
 *   TIDE_RETRY  a fault of the disk, or memory is out; nothing was taken; may be tried again
 *   TIDE_FATAL  stored bytes do not check, another writer has the journal, or (`sync` failed
 *               before) the writer cannot go on: close it
 *   TIDE_DATA   reader: the records in question were dropped by retention
 */

enum { TIDE_WHY = 512 };

typedef struct tide_journal tide_journal;
typedef struct tide_journal_reader tide_journal_reader;
typedef struct tide_journal_hold tide_journal_hold;

/* A sealed place between two entries. Plain numbers: may be stored and given to a later run. */
typedef struct tide_place {
    uint64_t segment;  /* file */
    uint64_t offset;   /* byte in it */
    uint64_t sequence; /* number of the record that comes next */
} tide_place;

typedef struct tide_journal_options { /* set struct_size; 0 is the default */
    uint32_t struct_size;
    uint32_t lock_wait_ms;   /* wait so long for another writer to go; 0: refused at once */
    uint64_t segment_size;   /* a new file beyond it; 128 MiB */
    uint64_t first_sequence; /* number of the first record of a new journal */
    uint64_t buffer_size;    /* small appends are gathered up to this; 256 KiB */
} tide_journal_options;

typedef struct tide_entry { /* set struct_size; the host fills in the rest */
    uint32_t struct_size;
    uint32_t count;    /* records in it */
    uint64_t sequence; /* of the first */
    tide_bytes data;   /* 64 bytes behind it may be read */
} tide_entry;

enum { TIDE_JOURNAL_SEAL = 1 };

typedef struct tide_journal_host {
    uint32_t struct_size;
    uint32_t reserved;

    /* -- writing -- */
    /* Opens or makes the journal in `dir` (made too, with its parents). options NULL: defaults.
     * FATAL when another writer has it: `why` names directory and process. */
    tide_result (*open)(const char *dir, const tide_journal_options *options, tide_journal **out,
                        char *why);
    /* Seals, syncs, frees; the journal is gone also when that failed. NULL is fine. */
    tide_result (*close)(tide_journal *journal, char *why);
    /* Frees without sealing what is not sealed. */
    void (*abandon)(tide_journal *journal);
    /* One entry of `count` (> 0) records, its bytes given in up to 12 parts. *sequence (or NULL) =
     * number of its first. flags: TIDE_JOURNAL_SEAL seals with the same write. */
    tide_result (*append)(tide_journal *journal, const tide_bytes *parts, uint32_t part_count,
                          uint32_t count, uint32_t flags, uint64_t *sequence, char *why);
    /* All entries so far: readers see them. No wait for the disk. */
    tide_result (*seal)(tide_journal *journal, char *why);
    /* Seals, and waits until a power cut cannot take it away. A failed one is final: what was not
     * durable before is cut off, every later call is FATAL. */
    tide_result (*sync)(tide_journal *journal, char *why);
    void (*end)(const tide_journal *journal, tide_place *out);     /* of what is sealed */
    void (*durable)(const tide_journal *journal, tide_place *out); /* of what is synced */
    /* Back to a place that `end` or `durable` told, now or in an earlier run; durable when it
     * returns. FATAL: the journal has no such place (nothing was changed). */
    tide_result (*cut)(tide_journal *journal, const tide_place *place, char *why);
    uint64_t (*first)(const tide_journal *journal); /* number of the oldest record kept */
    uint64_t (*next)(const tide_journal *journal);  /* that the next entry will have */
    uint64_t (*bytes)(const tide_journal *journal); /* of all files */
    /* Drops whole files from the front: while all are larger than max_bytes (0: any size), and
     * those last written before oldest_ms, wall time (0: any age). The newest stays. */
    tide_result (*retain)(tide_journal *journal, uint64_t max_bytes, int64_t oldest_ms, char *why);
    /* 16 random bytes that tell this journal from every other. Borrowed until close. */
    const unsigned char *(*id)(const tide_journal *journal);

    /* -- reading -- */
    /* At the first record that there is. chunk_size: bytes read at once, 0: 256 KiB. TIDE_AGAIN:
     * there is no journal in `dir` (yet); *out is NULL. */
    tide_result (*reader_open)(const char *dir, uint64_t chunk_size, tide_journal_reader **out,
                               char *why);
    void (*reader_close)(tide_journal_reader *reader); /* NULL is fine; holds stay valid */
    /* OK: the next entry, borrowed until the next call on this reader or as long as it is held.
     * AGAIN: nothing more is sealed now. DATA: dropped by retention, seek on. */
    tide_result (*reader_next)(tide_journal_reader *reader, tide_entry *entry, char *why);
    /* To the entry that holds record `sequence`, or to the end. DATA: dropped by retention. FATAL:
     * lies beyond the end. */
    tide_result (*reader_seek)(tide_journal_reader *reader, uint64_t sequence, char *why);
    /* The number of the first record, and that of the one behind the last sealed one. */
    tide_result (*reader_bounds)(tide_journal_reader *reader, uint64_t *first, uint64_t *next,
                                 char *why);
    uint64_t (*reader_at)(const tide_journal_reader *reader); /* number of the next record */
    const unsigned char *(*reader_id)(const tide_journal_reader *reader);
    /* Keeps the bytes of the last entry (and of its neighbours: memory is held in chunks) until
     * `release`, which any thread may call, also after reader_close. NULL: no entry. */
    tide_journal_hold *(*reader_hold)(tide_journal_reader *reader);
    void (*release)(tide_journal_hold *hold);
} tide_journal_host;
