// SPDX-License-Identifier: MIT
#include "cli/demo_view.h"

#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BAR_CELLS = 12 };

#define NS_PER_SECOND 1e9

static const char *style(enum style which)
{
    return terminal_style(stdout, which);
}

void demo_view_init(struct demo_view *view, int64_t now_ns)
{
    *view = (struct demo_view){.last_ns = now_ns};
}

static void clear_rows(struct demo_view *view)
{
    for (unsigned i = 0; i < DEMO_DEVICES; i++) {
        json_decref(view->rows[i].result);
        view->rows[i].result = NULL;
        view->rows[i].failures = 0;
    }
    view->end = 0;
}

void demo_view_deinit(struct demo_view *view)
{
    clear_rows(view);
}

// By the device's address, without its port. NULL: none of ours.
static struct demo_row *row_of(struct demo_view *view, const json_t *record)
{
    const char *device = json_string_value(json_object_get(record, "device"));
    if (!device)
        return NULL;
    size_t len = strcspn(device, ":");
    for (unsigned i = 0; i < DEMO_DEVICES; i++) {
        char name[16];
        demo_device_name(i, name);
        if (strlen(name) == len && strncmp(name, device, len) == 0)
            return &view->rows[i];
    }
    return NULL;
}

bool demo_view_result(struct demo_view *view, json_t *result, int64_t now_ns)
{
    int64_t start = json_integer_value(json_object_get(result, "start"));
    if (view->end && start > view->start)
        return false;
    struct demo_row *row = row_of(view, result);
    if (!row || (view->end && start < view->start))
        return true; // a late correction of a window that was shown already
    view->start = start;
    view->end = json_integer_value(json_object_get(result, "end"));
    view->changed_ns = now_ns;
    json_decref(row->result);
    row->result = json_incref(result);
    return true;
}

// What comes behind the device's name: that stands at the beginning of the row already.
static const char *behind_name(const char *error, const char *device)
{
    size_t len = strlen(device);
    for (const char *at; (at = strstr(error, device)) != NULL && at[len] == ':';)
        error = at + len + 1;
    return error + strspn(error, " ");
}

void demo_view_failure(struct demo_view *view, const json_t *failure)
{
    struct demo_row *row = row_of(view, failure);
    const char *error = json_string_value(json_object_get(failure, "error"));
    if (!row)
        return;
    row->failures++;
    error = behind_name(error ? error : "failed",
                        json_string_value(json_object_get(failure, "device")));
    snprintf(row->error, sizeof row->error, "%s", error);
}

static uint64_t count_of(const json_t *result, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(result, name));
    return value > 0 ? (uint64_t)value : 0;
}

static void print_average(const json_t *result, const char *name)
{
    const json_t *value = json_object_get(result, name);
    if (json_is_number(value))
        printf(" %10.1f", json_number_value(value));
    else
        printf(" %10s", "-");
}

static void print_bar(uint64_t value, uint64_t largest)
{
    uint64_t cells = largest ? (value * BAR_CELLS + largest / 2) / largest : 0;
    printf("  %s", style(STYLE_GOOD));
    for (uint64_t i = 0; i < cells; i++)
        putchar('#');
    printf("%s\n", style(STYLE_OFF));
}

static void print_good(const json_t *result, uint64_t largest)
{
    static const char *const totals[] = {"total_receive_bytes", "total_send_bytes",
                                         "total_receive_packets"};
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        char text[NUMBER_MAX];
        number_grouped(count_of(result, totals[i]), text);
        printf(" %12s", text);
    }
    print_average(result, "average_receive_bytes");
    print_average(result, "average_send_bytes");
    print_bar(count_of(result, "total_receive_bytes"), largest);
}

static void print_bad(const struct demo_row *row, unsigned index)
{
    const char *story = demo_device_story(index);
    printf("  %s%-25s%s", style(STYLE_WARN), story ? story : "silent", style(STYLE_OFF));
    if (row->failures)
        printf(" %s%u failed: %s%s", style(STYLE_DIM), row->failures, row->error, style(STYLE_OFF));
    putchar('\n');
}

static void clock_text(int64_t ms, char out[16])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm local;
    if (!localtime_r(&seconds, &local) || !strftime(out, 16, "%H:%M:%S", &local))
        snprintf(out, 16, "?");
}

static void print_head(const struct demo_view *view)
{
    char from[16], to[16];
    clock_text(view->start, from);
    clock_text(view->end, to);
    printf("\n%swindow %s - %s%s", style(STYLE_BOLD), from, to, style(STYLE_OFF));
    if (view->windows == 0)
        printf("  %s(the first result, %.1f s after the start)%s", style(STYLE_DIM),
               view->first_seconds, style(STYLE_OFF));
    printf("\n  %s%-12s %12s %12s %12s %10s %10s%s\n", style(STYLE_DIM), "device", "received",
           "sent", "packets in", "avg in", "avg out", style(STYLE_OFF));
}

static uint64_t largest_of(const struct demo_view *view)
{
    uint64_t largest = 0;
    for (unsigned i = 0; i < DEMO_DEVICES; i++) {
        uint64_t value = count_of(view->rows[i].result, "total_receive_bytes");
        largest = value > largest ? value : largest;
    }
    return largest;
}

static const struct node_status *node_of(const struct engine_status *status, const char *name)
{
    static const struct node_status none;
    for (uint32_t i = 0; i < status->node_count; i++)
        if (strcmp(status->nodes[i].name, name) == 0)
            return &status->nodes[i];
    return &none;
}

static void print_totals(struct demo_view *view, const struct engine_status *status, int64_t now_ns)
{
    char collected[NUMBER_MAX], stored[NUMBER_MAX], failed[NUMBER_MAX], late[NUMBER_MAX];
    const struct node_status *collector = node_of(status, "collector");
    double seconds = (double)(now_ns - view->last_ns) / NS_PER_SECOND;
    double rate = (double)(collector->out - view->last_collected) / seconds;
    number_grouped(collector->out, collected);
    number_grouped(node_of(status, "store")->in, stored);
    number_grouped(collector->failed, failed);
    number_grouped(node_of(status, "average")->late, late);
    printf("  %s%s readings collected (%.0f/s), %s stored, %s failed, %s late%s\n",
           style(STYLE_DIM), collected, rate, stored, failed, late, style(STYLE_OFF));
    view->last_collected = collector->out;
    view->last_ns = now_ns;
}

void demo_view_show(struct demo_view *view, const struct engine_status *status, int64_t now_ns)
{
    uint64_t largest = largest_of(view);
    print_head(view);
    for (unsigned i = 0; i < DEMO_DEVICES; i++) {
        char name[16];
        demo_device_name(i, name);
        printf("  %-12s", name);
        if (view->rows[i].result)
            print_good(view->rows[i].result, largest);
        else
            print_bad(&view->rows[i], i);
    }
    print_totals(view, status, now_ns);
    fflush(stdout);
    view->windows++;
    clear_rows(view);
}
