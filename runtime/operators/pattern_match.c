// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/pattern.h"

static size_t size_of(const struct pattern *pattern, uint32_t key_len)
{
    return sizeof(struct match) + pattern->steps * sizeof(struct kept *) + key_len;
}

void match_append(struct match_list *list, struct match *match)
{
    if (!list->first)
        list->last = &list->first;
    match->next = NULL;
    *list->last = match;
    list->last = &match->next;
}

static struct match *take_first(struct match_list *list)
{
    struct match *match = list->first;
    list->first = match->next;
    return match;
}

void match_free(struct pattern *pattern, struct match *match)
{
    for (uint32_t i = 0; i < match->matched; i++)
        kept_unref(&pattern->keeper, match->steps[i]);
    budget_give(&pattern->native.budget, size_of(pattern, match->key_len));
    mem_free(match);
}

void matches_free(struct pattern *pattern, struct match_list *list)
{
    while (list->first)
        match_free(pattern, take_first(list));
}

static int match_new(struct pattern *pattern, const char *key, uint32_t key_len, struct match **out)
{
    size_t size = size_of(pattern, key_len);
    int rc = budget_take(&pattern->native.budget, size);
    if (rc)
        return rc;
    *out = mem_zalloc(size);
    if (!*out) {
        budget_give(&pattern->native.budget, size);
        return ERR_NOMEM;
    }
    (*out)->key_len = key_len;
    memcpy(&(*out)->steps[pattern->steps], key, key_len);
    return 0;
}

// -- a record comes --

static int64_t runs_out(const struct pattern *pattern, const struct match *match)
{
    return native_add(match->steps[0]->time, pattern->within_ms);
}

static void tell(struct pattern *pattern, struct match *match, enum match_state state)
{
    match->state = state;
    match_append(&pattern->tell, match);
}

// Moves on or gives up one match. True: it stays partial.
static bool move_on(struct pattern *pattern, struct match *match, const struct buffered *item)
{
    bool meets = item->mask >> match->matched & 1;
    if (item->kept->time >= runs_out(pattern, match)) {
        tell(pattern, match, MATCH_TIMEOUT);
        return false;
    }
    if (!meets && pattern->strict) {
        match_free(pattern, match);
        return false;
    }
    if (meets)
        match->steps[match->matched++] = kept_ref(item->kept);
    if (match->matched < pattern->steps)
        return true;
    tell(pattern, match, MATCH_DONE);
    return false;
}

static void move_all(struct pattern *pattern, struct pattern_key *state,
                     const struct buffered *item)
{
    struct match_list old = state->partial;
    state->partial = (struct match_list){NULL, NULL};
    state->count = 0;
    while (old.first) {
        struct match *match = take_first(&old);
        if (!move_on(pattern, match, item))
            continue;
        match_append(&state->partial, match);
        state->count++;
    }
}

static void settle(struct pattern *pattern, struct pattern_key *state)
{
    if (state->partial.first)
        native_move(&pattern->native, state, runs_out(pattern, state->partial.first));
    else
        native_drop(&pattern->native, state);
}

// A new match that the record begins.
static int begin(struct pattern *pattern, struct pattern_key *state, struct buffered *item,
                 struct match **out, struct error *err)
{
    if (state->count >= pattern->partials_max)
        return error_set(err, ERR_LIMIT,
                         "a key has %u matches under way; raise `partials:`, or make the first "
                         "condition narrower",
                         state->count);
    int rc = match_new(pattern, item->key, item->key_len, out);
    if (!rc)
        (*out)->steps[(*out)->matched++] = kept_ref(item->kept);
    return rc ? native_explain(&pattern->native, rc, err) : 0;
}

int pattern_advance(struct pattern *pattern, struct buffered *item, bool skip, struct error *err)
{
    struct table_key key;
    struct match *fresh = NULL;
    bool begins = (item->mask & 1) && !skip, made = false;
    table_key_set(&key, item->key, item->key_len);
    void *found = native_find(&pattern->native, &key);
    int rc = begins ? native_take(&pattern->native, &key, &found, &made) : 0;
    if (rc)
        return native_explain(&pattern->native, rc, err);
    struct pattern_key *state = found;
    if (!state)
        return 0;
    if (begins)
        rc = begin(pattern, state, item, &fresh, err);
    if (rc) {
        if (made)
            native_drop(&pattern->native, state);
        return rc;
    }
    move_all(pattern, state, item);
    if (fresh && pattern->steps == 1) {
        tell(pattern, fresh, MATCH_DONE);
    } else if (fresh) {
        match_append(&state->partial, fresh);
        state->count++;
    }
    settle(pattern, state);
    return 0;
}

void pattern_expire(struct pattern *pattern, struct pattern_key *state)
{
    tell(pattern, take_first(&state->partial), MATCH_TIMEOUT);
    state->count--;
    settle(pattern, state);
}

// -- as bytes --

static void save_match(const struct pattern *pattern, const struct match *match,
                       struct image *image, uint32_t section)
{
    image_u64(image, match->state);
    image_u64(image, match->matched);
    for (uint32_t i = 0; i < match->matched; i++)
        kept_save(image, match->steps[i]);
    image_end(image, section, (const char *)&match->steps[pattern->steps], match->key_len);
}

void pattern_save(struct pattern *pattern, struct image *image, uint32_t section)
{
    for (uint32_t i = 0; i < pattern->native.table.count; i++) {
        const struct pattern_key *state = native_at(&pattern->native, i);
        for (const struct match *match = state->partial.first; match; match = match->next)
            save_match(pattern, match, image, section);
    }
    for (const struct match *match = pattern->tell.first; match; match = match->next)
        save_match(pattern, match, image, section);
}

static int load_steps(struct pattern *pattern, struct image_entry *entry, struct match *match,
                      uint64_t matched)
{
    entry->bad |= matched == 0 || matched > pattern->steps ||
                  (match->state == MATCH_DONE) != (matched == pattern->steps);
    for (uint64_t i = 0; i < matched && !entry->bad; i++) {
        int rc = kept_load(&pattern->keeper, entry, &match->steps[i]);
        if (rc)
            return rc;
        match->matched += !entry->bad;
    }
    return 0;
}

// Where it was: among those of its key, or to be told.
static int place(struct pattern *pattern, struct match *match, const struct table_key *key)
{
    void *found;
    bool made;
    if (match->state != MATCH_PARTIAL) {
        match_append(&pattern->tell, match);
        return 0;
    }
    int rc = native_take(&pattern->native, key, &found, &made);
    if (rc)
        return rc;
    struct pattern_key *state = found;
    match_append(&state->partial, match);
    state->count++;
    settle(pattern, state);
    return 0;
}

int pattern_load(struct pattern *pattern, struct image_entry *entry, struct error *err)
{
    struct table_key key;
    struct match *match;
    uint64_t state = entry_u64(entry), matched = entry_u64(entry);
    int rc = match_new(pattern, entry->key, entry->key_len, &match);
    if (rc)
        return native_explain(&pattern->native, rc, err);
    entry->bad |= state > MATCH_TIMEOUT;
    match->state = (enum match_state)state;
    rc = load_steps(pattern, entry, match, matched);
    if (!rc)
        rc = entry_done(entry, err);
    table_key_set(&key, entry->key, entry->key_len);
    if (!rc)
        rc = place(pattern, match, &key);
    if (rc) {
        match_free(pattern, match);
        native_explain(&pattern->native, rc, err);
    }
    return rc;
}
