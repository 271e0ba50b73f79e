// SPDX-License-Identifier: MIT
#include "operators/flat_map.h"
#include "operator_test.h"

static const char explode[] = "ports: [invalid, all]\n"
                              "lua: |\n"
                              "  return function(r, emit)\n"
                              "    for i, item in ipairs(r.items) do\n"
                              "      if item.id then emit { id = item.id, n = i }\n"
                              "      else emit({ item = item }, 'invalid') end\n"
                              "    end\n"
                              "    if r.bad then emit(r, 'nowhere') end\n"
                              "    if r.twice then r.k = 1 emit(r, 'all') r.k = 2 r.items[1] = 0\n"
                              "      emit(r, 'all') r.k = 3 end\n"
                              "  end\n";

static void emitting(void)
{
    struct one_operator one;
    build(&one, &flat_map_class, explode);
    one_send(&one, "{\"items\":[{\"id\":1},{\"x\":1},{\"id\":2}]}", 5);
    one_send(&one, "{\"items\":[]}", 6);
    one_send(&one, "{\"items\":[{\"id\":3}],\"bad\":true}", 7);
    one_send(&one, "{\"items\":[7],\"bad\":true}", 8); // indexing a number
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CHECK_PORT(&one, 0, "5 {\"id\":1,\"n\":1}\n5 {\"id\":2,\"n\":3}\n7 {\"id\":3,\"n\":1}\n");
    CHECK_PORT(&one, 1, "5 {\"item\":{\"x\":1}}\n");
    CU_ASSERT_EQUAL(one.outputs.error_count, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "emit: there is no port 'nowhere'; "
                                                         "declared in `ports:` are out, invalid, "
                                                         "all"));
    CU_ASSERT_EQUAL(one.op->stats.filtered, 1);
    check_accounts(&one, 4);
    one_deinit(&one);
}

// The record itself is emitted as it is at that moment, whatever is done to it later.
static void the_record_itself(void)
{
    struct one_operator one;
    build(&one, &flat_map_class, explode);
    one_send(&one, "{\"items\":[{\"id\":1}],\"twice\":true}", 5);
    one_send(&one, "{\"items\":[],\"twice\":true}", 6);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CHECK_PORT(
        &one, 2,
        "5 {\"items\":[{\"id\":1}],\"twice\":true,\"k\":1}\n"
        "5 {\"items\":[0],\"twice\":true,\"k\":2}\n"
        "6 {\"items\":[],\"twice\":true,\"k\":1}\n6 {\"items\":[0],\"twice\":true,\"k\":2}\n");
    check_accounts(&one, 2);
    one_deinit(&one);
}

// Ports that take few records at a time: the function is run again, and gives each record once.
static void resuming(void)
{
    for (uint32_t room = 1; room < 12; room++) {
        struct one_operator one;
        build(&one, &flat_map_class,
              "lua: 'return function(r, emit) r.seen = (r.seen or 0) + 1 for i = 1, r.n do "
              "emit { i = i, seen = r.seen } end emit(r) end'");
        one.outputs.room = room;
        one_send(&one, "{\"n\":3}", 1);
        one_send(&one, "{\"n\":0}", 2);
        one_send(&one, "{\"n\":4}", 3);
        CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
        CU_ASSERT(room >= 10 || one.agains > 0);
        CHECK_PORT(&one, 0,
                   "1 {\"i\":1,\"seen\":1}\n1 {\"i\":2,\"seen\":1}\n1 {\"i\":3,\"seen\":1}\n"
                   "1 {\"n\":3,\"seen\":1}\n2 {\"n\":0,\"seen\":1}\n3 {\"i\":1,\"seen\":1}\n"
                   "3 {\"i\":2,\"seen\":1}\n3 {\"i\":3,\"seen\":1}\n3 {\"i\":4,\"seen\":1}\n"
                   "3 {\"n\":4,\"seen\":1}\n");
        CU_ASSERT_EQUAL(one.outputs.error_count, 0);
        check_accounts(&one, 3);
        one_deinit(&one);
    }
}

// A pause goes through the script's own pcall; an emit after the call is an error.
static void pcall_and_later(void)
{
    struct one_operator one;
    build(
        &one, &flat_map_class,
        "lua: 'local kept return function(r, emit) if kept and r.late then kept({}) return end "
        "kept = emit pcall(function() for i = 1, 5 do emit { i = i } end end) emit { i = 6 } end'");
    one.outputs.room = 2;
    one_send(&one, "{}", 1);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT_EQUAL(fake_results(&one.outputs, 0), 6);
    one_send(&one, "{\"late\":1}", 2);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT_EQUAL(fake_results(&one.outputs, 0), 7); // the same function: it is this call's emit
    one_deinit(&one);
}

static void unwanted(void)
{
    struct one_operator one;
    build(&one, &flat_map_class, explode);
    one.outputs.ports[0].unwanted = true;
    one_send(&one, "{\"items\":[{\"id\":1},{\"id\":2}]}", 5);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT_EQUAL(one.op->stats.filtered, 1);
    check_accounts(&one, 1);
    one_deinit(&one);
}

static void building(void)
{
    char options[4096] = "lua: 'return function() end'\nports: [";
    for (int i = 0; i < 70; i++)
        snprintf(options + strlen(options), sizeof options - strlen(options), "p%d, ", i);
    strcat(options, "last]");
    build_fails(&flat_map_class, options, "more than 63 ports");
    build_fails(&flat_map_class, "lua: 'return function() end'\nports: [out]",
                "'out' is a port of its own");
    build_fails(&flat_map_class, "lua: 'return function() end'\nports: [a, errors]",
                "'errors' is a port of its own");
    build_fails(&flat_map_class, "lua: 'return 1'", "function");
    build_without_memory(&flat_map_class, "lua: 'return function() end'\nports: [a, b]");
}

static CU_TestInfo cases[] = {
    {"emitting", emitting},     {"the record itself", the_record_itself}, {"resuming", resuming},
    {"pcall", pcall_and_later}, {"a port that nobody reads", unwanted},   {"building", building},
    CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("operators/flat_map", cases))
