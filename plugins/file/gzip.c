// SPDX-License-Identifier: MIT
#include "packing.h"

#ifdef HAVE_ZLIB
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum { WINDOW = 15, GZIP = 16, MEMORY = 8 };

struct gzip {
    z_stream stream;
    int over; // the member has ended: the next step begins one
};

static unsigned clipped(size_t len)
{
    return len > UINT_MAX ? UINT_MAX : (unsigned)len;
}

static void load(z_stream *stream, const struct flow *flow)
{
    stream->next_in = (unsigned char *)(uintptr_t)flow->in; // zlib does not write there
    stream->avail_in = clipped(flow->in_len);
    stream->next_out = flow->out;
    stream->avail_out = clipped(flow->out_len);
}

static void unload(const z_stream *stream, struct flow *flow)
{
    flow->in_len -= (size_t)(stream->next_in - flow->in);
    flow->out_len -= (size_t)(stream->next_out - flow->out);
    flow->in = stream->next_in;
    flow->out = stream->next_out;
}

static int code_of(int rc)
{
    return rc == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static int pack_open(void **state, int level)
{
    struct gzip *gzip = calloc(1, sizeof *gzip);
    int rc = gzip ? deflateInit2(&gzip->stream, level, Z_DEFLATED, WINDOW + GZIP, MEMORY,
                                 Z_DEFAULT_STRATEGY)
                  : Z_MEM_ERROR;
    if (rc != Z_OK) {
        free(gzip);
        return code_of(rc);
    }
    *state = gzip;
    return 0;
}

static int pack_step(void *state, struct flow *flow, int end)
{
    struct gzip *gzip = state;
    load(&gzip->stream, flow);
    int rc = deflate(&gzip->stream, end ? Z_FINISH : Z_NO_FLUSH);
    unload(&gzip->stream, flow);
    if (rc == Z_STREAM_END)
        return deflateReset(&gzip->stream) == Z_OK ? 1 : -EIO;
    if (rc != Z_OK && rc != Z_BUF_ERROR)
        return -EIO;
    return !end && flow->in_len == 0 && flow->out_len > 0;
}

static void pack_close(void *state)
{
    struct gzip *gzip = state;
    (void)deflateEnd(&gzip->stream); // says only whether a member was cut off
    free(gzip);
}

static int unpack_open(void **state)
{
    struct gzip *gzip = calloc(1, sizeof *gzip);
    int rc = gzip ? inflateInit2(&gzip->stream, WINDOW + GZIP) : Z_MEM_ERROR;
    if (rc != Z_OK) {
        free(gzip);
        return code_of(rc);
    }
    *state = gzip;
    return 0;
}

static void unpack_reset(void *state)
{
    struct gzip *gzip = state;
    (void)inflateReset(&gzip->stream); // fails for a stream that was never opened
    gzip->over = 0;
}

static int unpack_step(void *state, struct flow *flow)
{
    struct gzip *gzip = state;
    if (gzip->over)
        unpack_reset(state);
    load(&gzip->stream, flow);
    int rc = inflate(&gzip->stream, Z_NO_FLUSH);
    unload(&gzip->stream, flow);
    gzip->over = rc == Z_STREAM_END;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR)
        return gzip->over;
    return code_of(rc);
}

static const char *why(const void *state)
{
    const struct gzip *gzip = state;
    return gzip->stream.msg ? gzip->stream.msg : "not gzip";
}

static void unpack_close(void *state)
{
    struct gzip *gzip = state;
    (void)inflateEnd(&gzip->stream);
    free(gzip);
}

const struct packing_kind packing_gzip = {
    .name = "gzip",
    .default_level = 6,
    .last_level = 9,
    .pack_open = pack_open,
    .pack_step = pack_step,
    .pack_close = pack_close,
    .unpack_open = unpack_open,
    .unpack_step = unpack_step,
    .why = why,
    .unpack_reset = unpack_reset,
    .unpack_close = unpack_close,
};
#else
const struct packing_kind packing_gzip = {.name = NULL};
#endif
