// SPDX-License-Identifier: MIT
#include "support/unit.h"
#include "unit/record/decoders.h"

#define HEAD "{\"facility\":4,\"severity\":2"

static const struct {
    const char *line, *wanted;
} lines[] = {
    // RFC 5424, examples of its section 6.5
    {"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' "
     "failed",
     HEAD
     ",\"time\":\"2003-10-11T22:14:15.003Z\",\"host\":\"mymachine.example.com\",\"app\":\"su\","
     "\"id\":\"ID47\",\"message\":\"'su root' failed\"}"},
    {"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.",
     "{\"facility\":20,\"severity\":5,\"time\":\"2003-08-24T05:14:15.000003-07:00\",\"host\":"
     "\"192.0.2.1\",\"app\":\"myproc\",\"pid\":\"8710\",\"message\":\"%% It's time.\"}"},
    {"<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [exampleSDID@32473 iut=\"3\" "
     "eventSource=\"App\"][examplePriority@32473 class=\"high\"]\n",
     "{\"facility\":20,\"severity\":5,\"time\":\"2003-10-11T22:14:15.003Z\",\"host\":\"h\",\"app\":"
     "\"evntslog\",\"id\":\"ID47\",\"data\":{\"exampleSDID@32473\":{\"iut\":\"3\",\"eventSource\":"
     "\"App\"},\"examplePriority@32473\":{\"class\":\"high\"}}}"},
    {"<34>1 - - - - - [a b=\"x\\\"\\]\\\\\\n\"] m",
     HEAD ",\"data\":{\"a\":{\"b\":\"x\\\"]\\\\\\\\n\"}},\"message\":\"m\"}"},
    {"<34>1 - - - - - [a] ", HEAD ",\"data\":{\"a\":{}},\"message\":\"\"}"},
    {"<34>1 - - - - - -", HEAD "}"},
    {"<34>1 - - - - -", "!byte 15: expected a space behind id, found the end"},
    {"<34>1 - - - - - x", "!byte 16: expected structured data or '-', found 'x'"},
    {"<34>1 - - - - - [", "!byte 17: expected the id of structured data, found the end"},
    {"<34>1 - - - - - [a b]", "!byte 20: expected '=' behind the name, found ']'"},
    {"<34>1 - - - - - [a b=c]", "!byte 21: expected a value in quotes, found 'c'"},
    {"<34>1 - - - - - [a b=\"c", "!byte 23: expected a closing quote, found the end"},
    {"<34>1 - - - - - [a b=\"]\"]", "!byte 22: expected '\\' in front of ']', found ']'"},
    {"<34>1 - - - - - [a]x", "!byte 19: expected a space in front of the message, found 'x'"},
    // RFC 3164
    {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
     HEAD ",\"time\":\"Oct 11 22:14:15\",\"host\":\"mymachine\",\"app\":\"su\",\"message\":"
          "\"'su root' failed for lonvick on /dev/pts/8\"}"},
    {"<34>Oct  1 22:14:15 h cron[42]: x\r\n", HEAD
     ",\"time\":\"Oct  1 22:14:15\",\"host\":\"h\",\"app\":\"cron\",\"pid\":\"42\",\"message\":"
     "\"x\"}"},
    {"<34>Oct 11 22:14:15 su: x",
     HEAD ",\"time\":\"Oct 11 22:14:15\",\"app\":\"su\",\"message\":\"x\"}"},
    {"<34>Oct 11 22:14:15 h no tag here",
     HEAD ",\"time\":\"Oct 11 22:14:15\",\"host\":\"h\",\"message\":\"no tag here\"}"},
    {"<34>Use the BFG!", HEAD ",\"message\":\"Use the BFG!\"}"},
    {"<34>", HEAD ",\"message\":\"\"}"},
    {"<0>x", "{\"facility\":0,\"severity\":0,\"message\":\"x\"}"},
    {"<191>1x", "{\"facility\":23,\"severity\":7,\"message\":\"1x\"}"},
    {"<192>x", "!byte 1: expected a priority from 0 to 191, found '1'"},
    {"<034>x", "!byte 1: expected a priority from 0 to 191, found '0'"},
    {"<>x", "!byte 1: expected a priority from 0 to 191, found '>'"},
    {"<1234>x", "!byte 4: expected '>' behind the priority, found '4'"},
    {"x", "!byte 0: expected '<' and the priority, found 'x'"},
    {"", "!byte 0: expected '<' and the priority, found the end"},
    {"<34>a\xff", "!byte 5: expected valid UTF-8, found 0xff"},
};

static struct decoder *open_syslog(struct lane *lane)
{
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    options.name = "syslog";
    return open_decoder(lane, &options);
}

static void test_lines(void)
{
    struct lane lane;
    lane_init(&lane);
    struct decoder *decoder = open_syslog(&lane);
    for (int round = 0; round < 2; round++) // also with the shape of another record as a guess
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
            CHECK_TEXT(decode_text(&lane, decoder, lines[i].line), lines[i].wanted);
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_hostile(void)
{
    static const char *const pieces[] = {"<", ">",    "[",  "]", "\"", "\\", "=",  " ",  "-",
                                         ":", "\xc3", "\n", "1", "<3", "1 ", "[a", "]:", NULL};
    const char *seeds[sizeof lines / sizeof *lines + 1] = {NULL};
    struct lane lane;
    lane_init(&lane);
    struct decoder *decoder = open_syslog(&lane);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        seeds[i] = lines[i].line;
    attack(&lane, decoder, seeds, NULL, pieces, 20000);
    decoder->free(decoder);
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"lines", test_lines},
    {"hostile bytes", test_hostile},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("syslog", cases))
