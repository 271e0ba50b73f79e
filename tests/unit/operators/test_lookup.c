// SPDX-License-Identifier: MIT
#include "operators/lookup.h"
#include "base/alloc.h"
#include "base/log.h"
#include "operator_test.h"
#include <unistd.h>

// -- an enricher that is slow, and answers in an order of its own --

enum { SLOW_MAX = 64 };

struct slow {
    struct enricher enricher; // first
    struct virtual_clock *clock;
    struct {
        uint64_t ticket;
        int64_t key, ready_ms; // key n takes (n * 37) % 10 ms; none is there for multiples of 5,
                               // and those of 7 fail
    } open[SLOW_MAX];
    uint32_t count, most, limit;
    uint64_t asked, forgotten;
    char text[64];
};

static int64_t number_of(const char *key, uint32_t len)
{
    struct value value;
    CU_ASSERT_EQUAL(key_decode(key, len, &value, 1), 1);
    return value.i;
}

static enum enrich_status slow_ask(struct enricher *enricher, uint64_t ticket, const char *key,
                                   uint32_t len, struct enrich_answer *answer)
{
    struct slow *slow = (struct slow *)enricher;
    (void)answer;
    if (slow->count == slow->limit)
        return ENRICH_BUSY;
    int64_t number = number_of(key, len);
    slow->open[slow->count].ticket = ticket;
    slow->open[slow->count].key = number;
    slow->open[slow->count].ready_ms = slow->clock->wall_ms_now + number * 37 % 10;
    slow->count++;
    slow->asked++;
    slow->most = slow->count > slow->most ? slow->count : slow->most;
    return ENRICH_ASKED;
}

static void answer_for(struct slow *slow, int64_t key, struct enrich_answer *answer)
{
    answer->outcome = key % 5 == 0 ? ENRICH_MISSING : key % 7 == 0 ? ENRICH_FAILED : ENRICH_FOUND;
    (void)snprintf(slow->text, sizeof slow->text,
                   answer->outcome == ENRICH_FAILED ? "service %lld is down" : "{\"twice\":%lld}",
                   (long long)(key % 7 == 0 ? key : key * 2));
    answer->text = slow->text;
    answer->len = (uint32_t)strlen(slow->text);
}

static bool slow_poll(struct enricher *enricher, struct enrich_answer *answer)
{
    struct slow *slow = (struct slow *)enricher;
    for (uint32_t i = 0; i < slow->count; i++) {
        if (slow->open[i].ready_ms > slow->clock->wall_ms_now)
            continue;
        answer->ticket = slow->open[i].ticket;
        answer_for(slow, slow->open[i].key, answer);
        slow->open[i] = slow->open[--slow->count];
        return true;
    }
    return false;
}

static void slow_forget(struct enricher *enricher, uint64_t ticket)
{
    struct slow *slow = (struct slow *)enricher;
    slow->forgotten += ticket < UINT64_MAX; // and answers all the same
}

static int64_t slow_next(struct enricher *enricher)
{
    const struct slow *slow = (const struct slow *)enricher;
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i < slow->count; i++)
        next = slow->open[i].ready_ms < next ? slow->open[i].ready_ms : next;
    return next;
}

static void slow_free(struct enricher *enricher)
{
    (void)enricher;
}

static struct slow slow;
static struct enrich_options how;

static int slow_build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    uint32_t limit = slow.limit ? slow.limit : SLOW_MAX;
    slow = (struct slow){.enricher = {.ask = slow_ask,
                                      .poll = slow_poll,
                                      .forget = slow_forget,
                                      .next_wall_ms = slow_next,
                                      .free = slow_free},
                         .clock = (struct virtual_clock *)spec->clock,
                         .limit = limit};
    return lookup_new(out, spec, &how, &slow.enricher, err);
}

static const tide_option slow_options[] = {
    {.name = "on", .type = TIDE_LIST, .item = TIDE_TEXT, .flags = TIDE_OPTION_REQUIRED},
    {.name = "into", .type = TIDE_TEXT},
    {.name = "prefix", .type = TIDE_TEXT},
    {.name = "missing", .type = TIDE_TEXT, .default_text = "null"},
    {.name = NULL}};
static const char *const slow_ports[] = {"missing", NULL};
static const struct operator_class slow_class = {
    .type = "slow",
    .entry = {.options = slow_options, .ports = slow_ports, .has_out = true},
    .build = slow_build};

// Lets time pass whenever the operator waits; how many records were out before all were answered.
static enum op_status run(struct one_operator *one, size_t *early)
{
    enum op_status status;
    *early = 0;
    while ((status = one->op->process(one->op, 0, one->batch, &one->outputs)) == OP_AGAIN) {
        fake_outputs_collect(&one->outputs);
        if (!one->op->waits)
            continue;
        int64_t next = one->op->next_wall_ms(one->op), now = one->clock.wall_ms_now;
        CU_ASSERT_FATAL(next != INT64_MAX && next >= now);
        *early = fake_results(&one->outputs, PORT_OUT);
        virtual_clock_advance(&one->clock, next > now ? next - now : 1);
    }
    batch_unref(one->batch);
    one->batch = NULL;
    fake_outputs_collect(&one->outputs);
    return status;
}

static void send_keys(struct one_operator *one, int from, int to)
{
    char json[32];
    for (int i = from; i < to; i++) {
        (void)snprintf(json, sizeof json, "{\"k\":%d}", i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(one_send(one, json, i));
    }
}

static void start(struct one_operator *one, const struct enrich_options *options, const char *yaml)
{
    how = *options;
    build(one, &slow_class, yaml);
}

#define ORDERED_1_TO_9                                                                             \
    "1 {\"k\":1,\"twice\":2}\n2 {\"k\":2,\"twice\":4}\n3 {\"k\":3,\"twice\":6}\n"                  \
    "4 {\"k\":4,\"twice\":8}\n5 {\"k\":5}\n6 {\"k\":6,\"twice\":12}\n8 {\"k\":8,\"twice\":16}\n"

static void ordered(void)
{
    for (uint32_t capacity = 1; capacity < 12; capacity += 5)
        for (uint32_t room = 1; room < 10; room += 8) {
            struct one_operator one;
            size_t early;
            start(&one, &(struct enrich_options){.ordered = true, .capacity = capacity}, "on: k");
            one.outputs.room = UINT32_MAX;
            send_keys(&one, 1, 9);
            CU_ASSERT_EQUAL(run(&one, &early), OP_DONE);
            CU_ASSERT_EQUAL(early, 0);
            CU_ASSERT(slow.most <= capacity && slow.most >= (capacity < 8 ? capacity : 8));
            CHECK_PORT(&one, PORT_OUT, ORDERED_1_TO_9);
            CU_ASSERT_EQUAL(one.outputs.error_count, 1);
            CHECK_HAS(one.outputs.errors[0], "service 7 is down");
            check_accounts(&one, 8);
            one_deinit(&one);
        }
}

// key n takes (n * 37) % 10 ms: 1: 7, 2: 4, 3: 1, 4: 8, 6: 2
static void unordered(void)
{
    struct one_operator one;
    size_t early;
    start(&one, &(struct enrich_options){.capacity = 100}, "on: k\nmissing: port");
    one.outputs.room = 1;
    send_keys(&one, 1, 7);
    CU_ASSERT_EQUAL(run(&one, &early), OP_DONE);
    CU_ASSERT_EQUAL(early, 4);
    CHECK_PORT(&one, PORT_OUT,
               "3 {\"k\":3,\"twice\":6}\n6 {\"k\":6,\"twice\":12}\n2 {\"k\":2,\"twice\":4}\n"
               "1 {\"k\":1,\"twice\":2}\n4 {\"k\":4,\"twice\":8}\n");
    CHECK_PORT(&one, 1, "5 {\"k\":5}\n");
    check_accounts(&one, 6);
    one_deinit(&one);
}

// What is busy is asked again when an answer has come.
static void busy(void)
{
    struct one_operator one;
    size_t early;
    slow.limit = 2;
    start(&one, &(struct enrich_options){.ordered = true, .capacity = 100}, "on: k");
    slow.limit = 0;
    send_keys(&one, 1, 9);
    slow.limit = 2;
    CU_ASSERT_EQUAL(run(&one, &early), OP_DONE);
    CU_ASSERT_EQUAL(slow.most, 2);
    CHECK_PORT(&one, PORT_OUT, ORDERED_1_TO_9);
    slow.limit = 0;
    one_deinit(&one);
}

static void timeouts(void)
{
    struct one_operator one;
    size_t early;
    start(&one, &(struct enrich_options){.ordered = true, .capacity = 100, .timeout_ms = 4},
          "on: k\ninto: row");
    send_keys(&one, 1, 5); // 1 and 4 are too late
    CU_ASSERT_EQUAL(run(&one, &early), OP_DONE);
    CHECK_PORT(&one, PORT_OUT,
               "2 {\"k\":2,\"row\":{\"twice\":4}}\n3 {\"k\":3,\"row\":{\"twice\":6}}\n");
    CU_ASSERT_EQUAL(one.outputs.error_count, 2);
    CHECK_HAS(one.outputs.errors[0], "no answer within 4 ms");
    CU_ASSERT_EQUAL(slow.forgotten, 2);
    check_accounts(&one, 4);
    fake_outputs_clear(&one.outputs);
    send_keys(&one, 6, 7);
    send_keys(&one, 10, 11); // their answers come into the next batch, and are ignored
    CU_ASSERT_EQUAL(run(&one, &early), OP_DONE);
    CHECK_PORT(&one, PORT_OUT, "6 {\"k\":6,\"row\":{\"twice\":12}}\n10 {\"k\":10,\"row\":null}\n");
    one_deinit(&one);
}

static void cached(void)
{
    struct one_operator one;
    size_t early;
    start(&one,
          &(struct enrich_options){
              .ordered = true, .capacity = 100, .cache_entries = 4, .cache_ttl_ms = 1000},
          "on: k\nmissing: drop");
    send_keys(&one, 1, 9);
    CU_ASSERT_EQUAL(run(&one, &early), OP_DONE);
    CU_ASSERT_EQUAL(slow.asked, 8);
    fake_outputs_clear(&one.outputs);
    uint64_t asked = slow.asked;
    for (int i = 0; i < 3; i++) {
        send_keys(&one, 1, 2);
        send_keys(&one, 4, 6);
        CU_ASSERT_EQUAL(run(&one, &early), OP_DONE);
    }
    CU_ASSERT(slow.asked - asked <= 3); // each at most once, also that there is no row for 5
    CU_ASSERT_EQUAL(fake_results(&one.outputs, PORT_OUT), 6);
    asked = slow.asked;
    virtual_clock_advance(&one.clock, 1000);
    send_keys(&one, 1, 2);
    CU_ASSERT_EQUAL(run(&one, &early), OP_DONE);
    CU_ASSERT_EQUAL(slow.asked, asked + 1);
    struct operator_state state;
    one.op->measure(one.op, &state);
    CU_ASSERT(state.bytes > 0);
    one_deinit(&one);
}

// -- files --

struct file {
    char path[64];
};

static void put_file(struct file *file, const char *suffix, const char *text)
{
    if (!file->path[0]) {
        (void)snprintf(file->path, sizeof file->path, "/tmp/lookup-XXXXXX%s", suffix);
        int fd = mkstemps(file->path, (int)strlen(suffix));
        CU_ASSERT_FATAL(fd >= 0);
        close(fd);
    }
    FILE *out = fopen(file->path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    (void)fputs(text, out);
    (void)fclose(out);
}

static void build_file(struct one_operator *one, const struct file *file, const char *more)
{
    char yaml[256];
    (void)snprintf(yaml, sizeof yaml, "table: { file: %s, key: id%s", file->path, more);
    build(one, &lookup_class, yaml);
}

static void csv(void)
{
    struct one_operator one;
    struct file file = {""};
    put_file(&file, ".csv", "id,site,note\n1,\"b,c\",x\n2,d,\n1,e,y\n");
    build_file(&one, &file, " }\non: dev.id");
    one_send(&one, "{\"dev\":{\"id\":1},\"note\":0}", 1);
    one_send(&one, "{\"dev\":{\"id\":2}}", 2);
    one_send(&one, "{\"dev\":{\"id\":3}}", 3);
    one_send(&one, "{\"dev\":{\"id\":null}}", 4);
    one_send(&one, "{\"dev\":{}}", 5);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CHECK_PORT(&one, PORT_OUT,
               "1 {\"dev\":{\"id\":1},\"note\":\"y\",\"site\":\"e\"}\n"
               "2 {\"dev\":{\"id\":2},\"site\":\"d\",\"note\":null}\n3 {\"dev\":{\"id\":3}}\n"
               "4 {\"dev\":{\"id\":null}}\n");
    CHECK_HAS(one.outputs.errors[0], "field 'dev.id' (on) is absent");
    check_accounts(&one, 5);
    one_deinit(&one);
    (void)unlink(file.path);
}

static void json_lines(void)
{
    struct one_operator one;
    struct file file = {""};
    put_file(&file, ".jsonl", "{\"id\":\"a\",\"v\":[1,{\"x\":null}]}\n\n{\"id\":\"b\",\"v\":2}");
    build_file(&one, &file, " }\non: k\nprefix: t_\nmissing: error");
    one_send(&one, "{\"k\":\"a\"}", 1);
    one_send(&one, "{\"k\":\"c\"}", 2);
    one_send(&one, "{\"k\":\"b\"}", 3);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CHECK_PORT(&one, PORT_OUT,
               "1 {\"k\":\"a\",\"t_v\":[1,{\"x\":null}]}\n3 {\"k\":\"b\",\"t_v\":2}\n");
    CHECK_HAS(one.outputs.errors[0], "there is no row for its 'k'");
    one_deinit(&one);
    (void)unlink(file.path);
}

static void ask_one(struct one_operator *one, const char *wanted)
{
    one_send(one, "{\"k\":1}", 1);
    CU_ASSERT_EQUAL(one_process(one), OP_DONE);
    CHECK_PORT(one, PORT_OUT, wanted);
    fake_outputs_clear(&one->outputs);
}

static char said[256];

static void hear_log(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    if (level == LOG_WARN)
        (void)snprintf(said, sizeof said, "%s", line);
}

static void reload(void)
{
    struct one_operator one;
    struct file file = {""};
    log_set_sink(hear_log, NULL);
    put_file(&file, ".jsonl", "{\"id\":1,\"v\":1}\n");
    build_file(&one, &file, ", reload: 10s }\non: k");
    put_file(&file, "", "{\"id\":1,\"v\":200}\n");
    ask_one(&one, "1 {\"k\":1,\"v\":1}\n");
    virtual_clock_advance(&one.clock, 10000);
    ask_one(&one, "1 {\"k\":1,\"v\":200}\n");
    put_file(&file, "", "{\"id\":1,\"v\":3}\n{\"id\":");
    virtual_clock_advance(&one.clock, 10000);
    ask_one(&one, "1 {\"k\":1,\"v\":200}\n");
    CHECK_HAS(said, "record 2: ");
    CHECK_HAS(said, "the rows read before stay");
    (void)unlink(file.path);
    virtual_clock_advance(&one.clock, 10000);
    ask_one(&one, "1 {\"k\":1,\"v\":200}\n");
    put_file(&file, "", "{\"id\":2}\n");
    virtual_clock_advance(&one.clock, 10000);
    ask_one(&one, "1 {\"k\":1}\n");
    one_deinit(&one);
    log_set_sink(NULL, NULL);
    (void)unlink(file.path);
}

static void file_fails(const char *suffix, const char *text, const char *more, const char *error)
{
    struct file file = {""};
    char yaml[256];
    put_file(&file, suffix, text);
    (void)snprintf(yaml, sizeof yaml, "table: { file: %s, key: id }\non: k\n%s", file.path, more);
    build_fails(&lookup_class, yaml, error);
    (void)unlink(file.path);
}

static void wrong_files(void)
{
    file_fails(".jsonl", "{\"id\":1}\n{]\n", "", "record 2: byte 1");
    file_fails(".jsonl", "{\"x\":1}\n", "", "record 1: ");
    file_fails(".jsonl", "[1]\n", "", "record 1: ");
    file_fails(".csv", "id,x\n1,2\n1\n", "", "record 3: ");
    file_fails(".jsonl", "", "into: a\nprefix: b\n", "prefix: goes with a row's members");
    build_fails(&lookup_class, "table: { file: nowhere.csv, key: id }\non: k", "nowhere.csv");
    build_fails(&lookup_class, "on: k", "table");
    struct one_operator one = {0};
    struct file file = {""};
    char yaml[256];
    char rows[8192] = "id,x\n";
    for (size_t i = 0, len = 5; i < 200; i++)
        len += (size_t)snprintf(rows + len, sizeof rows - len, "%zu,many of them\n", i);
    put_file(&file, ".csv", rows);
    (void)snprintf(yaml, sizeof yaml,
                   "table: { file: %s, key: id }\non: k\nlimits: { state: 4KiB }", file.path);
    CU_ASSERT_NOT_EQUAL(one_init(&one, &lookup_class, yaml), 0);
    CHECK_HAS(one.err.text, "the table has reached the limit of 4096 bytes");
    one_deinit(&one);
    (void)unlink(file.path);
}

static void memory(void)
{
    struct file file = {""};
    char yaml[256];
    put_file(&file, ".csv", "id,x\n1,a\n2,b\n");
    (void)snprintf(yaml, sizeof yaml, "table: { file: %s, key: id }\non: k", file.path);
    struct one_operator one;
    build(&one, &lookup_class, yaml);
    for (uint64_t n = 1; n < 20; n++) {
        one_send(&one, "{\"k\":1}", 1);
        mem_fail_at(n, false);
        CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
        mem_fail_at(0, false);
    }
    one_deinit(&one);
    (void)unlink(file.path);
}

static CU_TestInfo cases[] = {{"slow answers, in order", ordered},
                              {"slow answers, as they come", unordered},
                              {"an enricher with a limit of its own", busy},
                              {"timeouts", timeouts},
                              {"answers are used again", cached},
                              {"CSV", csv},
                              {"JSON lines", json_lines},
                              {"a file that changes", reload},
                              {"files that cannot be read", wrong_files},
                              {"allocations that fail", memory},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("operators/lookup", cases))
