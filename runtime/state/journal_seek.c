// SPDX-License-Identifier: MIT
#include "state/journal_reader.h"

#include <inttypes.h>

// What is checked before the entry that was found is handed out: its span, and those before it that
// are not durable, as a writer would cut it off with them.
static int set_span(struct journal_reader *reader, uint64_t sealed, uint64_t sequence,
                    struct error *err)
{
    const struct open_segment *now = &reader->now;
    reader->span = sealed;
    reader->span_sequence = sequence;
    if (now->skim.durable >= sealed)
        return 0;
    reader->span = now->skim.durable;
    int code = sealed_at(now->fd, now->path, reader->id, now->first, reader->span,
                         &reader->span_sequence, err);
    if (code == 0)
        return error_set(err, ERR_CORRUPT,
                         "%s: byte %" PRIu64 ": no commit ends here, but a later one says so",
                         now->path, reader->span);
    return code < 0 ? code : 0;
}

// Walks to the frame that holds `sequence` in the segment that was just opened.
static int walk_to(struct journal_reader *reader, uint64_t sequence, struct error *err)
{
    struct skim *skim = &reader->now.skim;
    bool found = false;
    int code = 1;
    uint64_t before = 0, before_sequence = 0; // the commit before the entry that was found
    while (code > 0 && !(found && skim->sealed > reader->offset)) {
        struct frame_header frame;
        uint64_t at, sealed = skim->sealed, sealed_sequence = skim->sealed_sequence;
        code = skim_next(skim, &frame, &at, err);
        if (code > 0 && !found && frame.type == FRAME_ENTRY &&
            sequence < frame.sequence + frame.count) {
            found = true;
            reader->offset = at;
            reader->sequence = frame.sequence;
            before = sealed;
            before_sequence = sealed_sequence;
        }
    }
    if (code < 0)
        return code;
    if (found && skim->sealed > reader->offset)
        return set_span(reader, before, before_sequence, err);
    if (skim_unsealed(skim)) {
        code = skim_check_live(skim, err);
        if (code)
            return code;
    }
    skim_rewind(skim);
    if (sequence != skim->sealed_sequence)
        return error_set(err, ERR_REFUSED,
                         "%s: record %" PRIu64 " lies beyond the end, which is at %" PRIu64,
                         reader->dir, sequence, skim->sealed_sequence);
    reader->offset = reader->span = skim->sealed;
    reader->sequence = reader->span_sequence = sequence;
    return 0;
}

int journal_reader_seek(struct journal_reader *reader, uint64_t sequence, struct error *err)
{
    int code = segment_list_read(&reader->list, reader->dir, err);
    if (code)
        return code;
    const struct segment_list *list = &reader->list;
    if (!list->count || sequence < list->firsts[0] || sequence < reader->floor)
        return error_set(err, ERR_LIMIT, "%s: record %" PRIu64 " was dropped by retention",
                         reader->dir, sequence);
    size_t low = 0, high = list->count; // firsts[low] <= sequence < firsts[high]
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (list->firsts[middle] <= sequence)
            low = middle;
        else
            high = middle;
    }
    code = reader_go_to(reader, list->firsts[low], err);
    return code ? code : walk_to(reader, sequence, err);
}

int journal_reader_bounds(struct journal_reader *reader, uint64_t *first, uint64_t *next,
                          struct error *err)
{
    int code = segment_list_read(&reader->list, reader->dir, err);
    const struct segment_list *list = &reader->list;
    if (!code && !list->count)
        code = error_set(err, ERR_RETRY, "%s: there is no journal", reader->dir);
    if (code)
        return code;
    uint64_t newest = list->firsts[list->count - 1];
    struct segment_header header;
    if (reader->last.fd < 0 || reader->last.first != newest) {
        code = reader_open_segment(reader, &reader->last, newest, true, &header, err);
        if (code)
            return code;
    }
    struct skim *skim = &reader->last.skim;
    struct frame_header frame;
    uint64_t at;
    do
        code = skim_next(skim, &frame, &at, err);
    while (code > 0);
    if (!code && skim_unsealed(skim))
        code = skim_check_live(skim, err);
    skim_rewind(skim);
    *first = list->firsts[0] > reader->floor ? list->firsts[0] : reader->floor;
    *next = skim->sealed_sequence;
    return code;
}
