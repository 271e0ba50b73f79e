// SPDX-License-Identifier: MIT
// Where the tokens of a JSON text start: brackets, commas, colons, both quotes of strings, and the
// first byte of anything else outside strings. Before: block_masks(p, masks), prefix_xor(bits).

// One bit a byte.
struct block {
    uint64_t quote, backslash;
    uint64_t op;      // { } [ ] , : (and two control characters, which the walk refuses)
    uint64_t space;   // blank, tab, CR, LF
    uint64_t control; // below 0x20
    uint64_t line;    // CR, LF
    uint64_t high;    // not ASCII
};

static inline void block_masks(const char *p, struct block *block);
static inline uint64_t prefix_xor(uint64_t bits);

enum { TOKEN_SPARE = 64 + 16 }; // entries behind the last token that may be written

struct token_scan {
    uint64_t in_string; // all ones when the last block ended inside a string
    uint64_t escaped;   // 1 when the next block's first byte is escaped
    uint64_t in_scalar; // 1 when the last block ended inside a number or literal
    uint64_t high, lines, bad;
    uint32_t first_escape, last_escape; // where backslashes stand; first > last: nowhere
};

// The characters that a backslash before them takes out, also over block borders.
static inline uint64_t find_escaped(struct token_scan *scan, uint64_t backslash)
{
    if (__builtin_expect(!backslash, 1)) {
        uint64_t escaped = scan->escaped;
        scan->escaped = 0;
        return escaped;
    }
    const uint64_t odd = 0xaaaaaaaaaaaaaaaaull;
    uint64_t potential = backslash & ~scan->escaped;
    uint64_t maybe = potential << 1;
    uint64_t codes = ((maybe | odd) - potential) ^ odd;
    uint64_t escaped = codes ^ (backslash | scan->escaped);
    scan->escaped = (codes & backslash) >> 63;
    return escaped;
}

static inline uint64_t block_tokens(struct token_scan *scan, const struct block *block,
                                    uint64_t valid)
{
    uint64_t quote = block->quote & valid & ~find_escaped(scan, block->backslash & valid);
    uint64_t inside =
        prefix_xor(quote) ^ scan->in_string; // with the opening quote, not the closing
    scan->in_string = (uint64_t)((int64_t)inside >> 63);
    uint64_t outside = valid & ~inside & ~quote;
    uint64_t scalar = outside & ~(block->op | block->space);
    uint64_t starts = scalar & ~(scalar << 1 | scan->in_scalar);
    scan->in_scalar = scalar >> 63;
    scan->high |= block->high & valid;
    scan->bad |= block->control & inside;
    scan->lines |= block->line & outside;
    return quote | (block->op & outside) | starts;
}

static inline void note_escapes(struct token_scan *scan, uint32_t at, uint64_t backslash)
{
    if (scan->first_escape > scan->last_escape)
        scan->first_escape = at + (uint32_t)__builtin_ctzll(backslash);
    scan->last_escape = at + 63 - (uint32_t)__builtin_clzll(backslash);
}

static inline uint32_t *flatten(uint64_t bits, uint32_t base, uint32_t *out)
{
    uint32_t count = (uint32_t)__builtin_popcountll(bits);
    for (uint32_t done = 0; done < count; done += 8)
        for (uint32_t i = done; i < done + 8; i++) {
            out[i] = base + (uint32_t)__builtin_ctzll(bits | 1ull << 63);
            bits &= bits - 1;
        }
    return out + count;
}

// Behind the last token; NULL when a string is open or has a control character in it. Behind it the
// index is filled with `len`.
static uint32_t *index_tokens(struct token_scan *scan, const char *text, uint32_t len,
                              uint32_t *out)
{
    for (uint32_t at = 0; at < len; at += 64) {
        struct block block;
        uint64_t valid = len - at >= 64 ? ~0ull : (1ull << (len - at)) - 1;
        block_masks(text + at, &block);
        if (__builtin_expect((block.backslash & valid) != 0, 0))
            note_escapes(scan, at, block.backslash & valid);
        out = flatten(block_tokens(scan, &block, valid), at, out);
    }
    if (scan->in_string || scan->bad)
        return NULL;
    for (int i = 0; i < 8; i++)
        out[i] = len;
    return out;
}
