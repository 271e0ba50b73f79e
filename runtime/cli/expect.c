// SPDX-License-Identifier: MIT
#include "cli/expect.h"

#include "cli/data.h"

#include <string.h>

static bool matches(json_t *wanted, const json_t *found, bool subset);

static bool object_in(json_t *wanted, const json_t *found)
{
    const char *name;
    json_t *value;
    json_object_foreach (wanted, name, value)
        if (!matches(value, json_object_get(found, name), true))
            return false;
    return true;
}

static bool matches(json_t *wanted, const json_t *found, bool subset)
{
    if (subset && json_is_object(wanted) && json_is_object(found))
        return object_in(wanted, found);
    return found && json_equal(wanted, found) != 0;
}

static int parse_lines(const struct buf *lines, json_t *found, struct error *err)
{
    const char *at = lines->data, *end = at ? at + lines->len : at;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        json_error_t why;
        json_t *value = json_loadb(at, (size_t)(stop - at), JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
        if (!value)
            return error_set(err, ERR_BUG, "output that is no JSON: %s", why.text);
        if (json_array_append_new(found, value))
            return error_nomem(err);
        at = stop + 1;
    }
    return 0;
}

static int print_list(struct buf *report, const char *title, const json_t *list)
{
    int code = buf_printf(report, "%s%s\n", title, json_array_size(list) ? "" : "  nothing");
    for (size_t i = 0; !code && i < json_array_size(list); i++) {
        code = buf_puts(report, "  ");
        if (!code)
            code = data_print(json_array_get(list, i), report);
        if (!code)
            code = buf_putc(report, '\n');
    }
    return code;
}

// Whether the one has a place before or behind the other.
static bool same_order(const struct expectation *expectation, const json_t *a, const json_t *b)
{
    if (!expectation->order || !expectation->by)
        return expectation->order;
    const json_t *left = json_object_get(a, expectation->by);
    const json_t *right = json_object_get(b, expectation->by);
    return left == right || (left && right && json_equal(left, right));
}

// Takes the matching ones out of `left`: what remains came unexpectedly.
static bool all_match(const struct expectation *expectation, json_t *left)
{
    for (size_t i = 0; i < json_array_size(expectation->values); i++) {
        json_t *wanted = json_array_get(expectation->values, i);
        size_t count = json_array_size(left), at = 0;
        while (at < count && !matches(wanted, json_array_get(left, at), expectation->subset)) {
            if (same_order(expectation, wanted, json_array_get(left, at)))
                return false;
            at++;
        }
        if (at == count)
            return false;
        json_array_remove(left, at);
    }
    return json_array_size(left) == 0;
}

int expect_values(const struct expectation *expectation, const char *from, const struct buf *lines,
                  struct buf *report, struct error *err)
{
    json_t *found = json_array();
    json_t *left = NULL;
    int code = found ? parse_lines(lines, found, err) : error_nomem(err);
    if (!code) {
        left = json_copy(found);
        code = left ? 0 : error_nomem(err);
    }
    if (!code && !all_match(expectation, left)) {
        error_set(err, ERR_DATA, "%s gave other records than expected%s", from,
                  !expectation->order ? ""
                  : expectation->by   ? " (in this order of a key)"
                                      : " (in this order)");
        code = print_list(report, "expected:", expectation->values);
        if (!code)
            code = print_list(report, "came:", found);
        code = code ? error_nomem(err) : ERR_DATA;
    }
    json_decref(found);
    json_decref(left);
    return code;
}
