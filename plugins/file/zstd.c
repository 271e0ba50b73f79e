// SPDX-License-Identifier: MIT
#include "packing.h"

#ifdef HAVE_ZSTD
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

// A frame may ask for so large a window of memory, which is what the zstd program allows unless
// told otherwise.
enum { WINDOW_LOG_MAX = 27 };

struct unzstd {
    ZSTD_DCtx *context;
    const char *why;
};

static int code_of(size_t rc)
{
    return ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
}

static int pack_open(void **state, int level)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    if (!context)
        return -ENOMEM;
    size_t rc = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    if (!ZSTD_isError(rc))
        rc = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    if (ZSTD_isError(rc)) {
        ZSTD_freeCCtx(context);
        return -EINVAL;
    }
    *state = context;
    return 0;
}

static int pack_step(void *state, struct flow *flow, int end)
{
    ZSTD_inBuffer in = {flow->in, flow->in_len, 0};
    ZSTD_outBuffer out = {flow->out, flow->out_len, 0};
    size_t rc = ZSTD_compressStream2(state, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(rc))
        return code_of(rc) == -ENOMEM ? -ENOMEM : -EIO;
    flow->in += in.pos;
    flow->in_len -= in.pos;
    flow->out += out.pos;
    flow->out_len -= out.pos;
    return end ? rc == 0 : flow->in_len == 0 && flow->out_len > 0;
}

static void pack_close(void *state)
{
    ZSTD_freeCCtx(state);
}

static int unpack_open(void **state)
{
    struct unzstd *zstd = calloc(1, sizeof *zstd);
    if (!zstd)
        return -ENOMEM;
    zstd->context = ZSTD_createDCtx();
    if (!zstd->context ||
        ZSTD_isError(ZSTD_DCtx_setParameter(zstd->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        ZSTD_freeDCtx(zstd->context);
        free(zstd);
        return -ENOMEM;
    }
    *state = zstd;
    return 0;
}

static void unpack_reset(void *state)
{
    struct unzstd *zstd = state;
    ZSTD_DCtx_reset(zstd->context, ZSTD_reset_session_only);
}

static int unpack_step(void *state, struct flow *flow)
{
    struct unzstd *zstd = state;
    ZSTD_inBuffer in = {flow->in, flow->in_len, 0};
    ZSTD_outBuffer out = {flow->out, flow->out_len, 0};
    size_t rc = ZSTD_decompressStream(zstd->context, &out, &in);
    flow->in += in.pos;
    flow->in_len -= in.pos;
    flow->out += out.pos;
    flow->out_len -= out.pos;
    if (!ZSTD_isError(rc))
        return rc == 0;
    zstd->why = ZSTD_getErrorName(rc);
    return code_of(rc);
}

static const char *why(const void *state)
{
    const struct unzstd *zstd = state;
    return zstd->why ? zstd->why : "not zstd";
}

static void unpack_close(void *state)
{
    struct unzstd *zstd = state;
    ZSTD_freeDCtx(zstd->context);
    free(zstd);
}

const struct packing_kind packing_zstd = {
    .name = "zstd",
    .default_level = 3,
    .last_level = 19,
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
const struct packing_kind packing_zstd = {.name = NULL};
#endif
