// SPDX-License-Identifier: MIT
// Included after json_fast_value.h. The hint path: the text is compared with a layout, and only the
// values between are looked at.

static inline bool same_prefix(const char *p, const struct json_leaf *leaf)
{
    if (__builtin_expect(leaf->len <= 32, 1))
        return (~equal32(p, leaf->prefix) & (uint32_t)leaf->mask) == 0;
    return (~equal64(p, leaf->prefix) & leaf->mask) == 0;
}

static void place_nested(const struct json_layout *layout, const uint32_t *starts,
                         struct span *spans)
{
    for (uint32_t i = 0; i < layout->nested_count; i++) {
        const struct json_nested *nested = &layout->nested[i];
        uint32_t start = starts[nested->first_leaf], end = starts[nested->last_leaf] + nested->end;
        spans[nested->slot] = (struct span){.name_at = start + nested->name_at,
                                            .at = start + nested->at,
                                            .len = (end - start - nested->at) & 0xfffffff,
                                            .kind = nested->kind & 15};
    }
}

// number_end for the common case: an integer, and behind it what the layout has there.
static inline const char *leaf_number_end(const struct json_leaf *leaf, const char *p,
                                          const char *end, enum json_big_ints big_ints,
                                          enum span_kind *kind)
{
    const char *digits = p + (*p == '-');
    uint32_t other = nondigit32(digits);
    const char *stop = digits + __builtin_ctz(other | 1u << SAFE_DIGITS);
    if (__builtin_expect(*stop == leaf[1].prefix[0] && (unsigned char)(*digits - '1') < 9, 1)) {
        *kind = SPAN_INT;
        return stop;
    }
    return number_end(p, end, big_ints, kind);
}

// The plain value at p as a span; its end, or NULL.
static inline const char *read_leaf(const struct json_layout *layout, const struct json_leaf *leaf,
                                    const char *text, const char *p, const char *end,
                                    struct span *span)
{
    enum span_kind kind;
    uint32_t quote = 0;
    const char *stop;
    if (*p == '"') {
        quote = 1;
        stop = string_end(++p, end, &kind);
    } else if (__builtin_expect((unsigned char)*p <= '9', 1)) {
        stop = leaf_number_end(leaf, p, end, layout->big_ints, &kind);
    } else if (*p == '[') {
        kind = SPAN_ARRAY;
        stop = leaf->array_fits ? plain_array_end(p, end, layout->big_ints) : NULL;
    } else {
        stop = literal_end(p, &kind);
    }
    if (__builtin_expect(stop == NULL, 0))
        return NULL;
    span->at = (uint32_t)(p - text);
    span->len = (uint32_t)(stop - p) & 0xfffffff;
    span->kind = kind & 15;
    return stop + quote;
}

// How many leaves have begun, in place of where the suffix would.
static bool refuse_leaf(const struct json_layout *layout, uint32_t *first, const uint32_t *start)
{
    first[layout->leaf_count] = (uint32_t)(start - first);
    return false;
}

static bool hint(const struct json_layout *layout, const char *text, uint32_t len,
                 struct span *spans, uint32_t *starts)
{
    const char *p = text, *end = text + len;
    uint32_t *first = starts;
    const struct json_leaf *leaf = layout->leaves, *suffix = leaf + layout->leaf_count;
    for (; leaf < suffix; leaf++) {
        const char *value = p + leaf->len;
        // Before anything is read at p: it may be beyond the end by now.
        if (__builtin_expect(value >= end, 0) || !same_prefix(p, leaf))
            return refuse_leaf(layout, first, starts);
        *starts++ = (uint32_t)(p - text);
        struct span *span = &spans[leaf->slot];
        span->name_at = (uint32_t)(p - text) + leaf->name_at;
        p = read_leaf(layout, leaf, text, value, end, span);
        if (__builtin_expect(p == NULL, 0))
            return refuse_leaf(layout, first, starts);
    }
    if (p + suffix->len != end || !same_prefix(p, suffix))
        return refuse_leaf(layout, first, starts);
    *starts = (uint32_t)(p - text);
    if (layout->nested_count)
        place_nested(layout, starts - layout->leaf_count, spans);
    return true;
}
