// SPDX-License-Identifier: MIT
#include "record/codec_error.h"
#include "record/codec_kinds.h"
#include "record/text_records.h"

// Syslog lines of both kinds, told apart by the version behind <PRI>:
//
//   RFC 5424   <34>1 2003-10-11T22:14:15.003Z host app 123 ID47 [id@1 k="v"] message
//   RFC 3164   <34>Oct 11 22:14:15 host tag[123]: message
//
// Members: facility, severity (numbers), time (text, as it stands), host, app, pid, id, data (an
// object of objects) and message. What is `-` or not there is left out. Of RFC 3164 lines, which
// follow the RFC loosely, only <PRI> is a must: what does not look like a head is message.

#define PUT(reader, name, span, value)                                                             \
    (void)collect((reader)->collector, (name), sizeof(name) - 1, (span), (value)) // few of them

static const struct value unset = {.type = VALUE_UNSET};

static struct span text_span(uint32_t at, uint32_t len)
{
    return (struct span){.at = at, .len = len & 0xfffffff, .kind = SPAN_STRING};
}

static int expected(struct text_reader *reader, const char *what)
{
    return codec_expected(reader->err, reader->line, reader->len, reader->at, "%s", what);
}

static char peek(const struct text_reader *reader)
{
    return reader->at < reader->len ? reader->line[reader->at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int read_pri(struct text_reader *reader)
{
    uint32_t pri = 0, start = 1;
    if (peek(reader) != '<')
        return expected(reader, "'<' and the priority");
    for (reader->at = start; is_digit(peek(reader)) && reader->at < start + 3; reader->at++)
        pri = pri * 10 + (uint32_t)(peek(reader) - '0');
    if (reader->at == start)
        return expected(reader, "a priority from 0 to 191");
    if (peek(reader) != '>')
        return expected(reader, "'>' behind the priority");
    if (pri > 191 || (reader->line[start] == '0' && reader->at > start + 1)) {
        reader->at = start;
        return expected(reader, "a priority from 0 to 191");
    }
    reader->at++;
    PUT(reader, "facility", ((struct span){0}), value_int(pri >> 3));
    PUT(reader, "severity", ((struct span){0}), value_int(pri & 7));
    return 0;
}

// -- RFC 5424 --

// A word of printable ASCII up to a space or the end. Its length.
static uint32_t word(const struct text_reader *reader)
{
    uint32_t at = reader->at;
    while (at < reader->len && reader->line[at] > ' ' && reader->line[at] < 0x7f)
        at++;
    return at - reader->at;
}

// One word of the head and the space behind it; `-` is none.
static int head_word(struct text_reader *reader, const char *name)
{
    uint32_t len = word(reader), at = reader->at;
    reader->at += len;
    if (!len || peek(reader) != ' ')
        return codec_expected(reader->err, reader->line, reader->len, reader->at, "%s%s",
                              len ? "a space behind " : "'-' or ", name);
    reader->at++;
    if (len != 1 || reader->line[at] != '-')
        (void)collect(reader->collector, name, (uint32_t)strlen(name), text_span(at, len), unset);
    return 0;
}

static int read_head(struct text_reader *reader)
{
    static const char *const names[] = {"time", "host", "app", "pid", "id"};
    int code = 0;
    for (uint32_t i = 0; i < sizeof names / sizeof *names && !code; i++)
        code = head_word(reader, names[i]);
    return code;
}

// A name of structured data: no '=', ']', '"' or space. Its length.
static uint32_t data_name(const struct text_reader *reader)
{
    uint32_t at = reader->at;
    for (; at < reader->len; at++) {
        char c = reader->line[at];
        if (c <= ' ' || c >= 0x7f || c == '=' || c == ']' || c == '"')
            break;
    }
    return at - reader->at;
}

static int put_name(struct text_reader *reader, struct buf *json, const char *what)
{
    uint32_t len = data_name(reader);
    if (!len)
        return expected(reader, what);
    int code = json_write_string(reader->line + reader->at, len, json);
    reader->at += len;
    return code ? code : buf_putc(json, ':');
}

// "value", in which \" \\ and \] stand for one character; another backslash for itself.
static int put_param_value(struct text_reader *reader, struct buf *json)
{
    if (peek(reader) != '"')
        return expected(reader, "a value in quotes");
    uint32_t start = ++reader->at, len = 0;
    char *text = arena_alloc(&reader->batch->arena, reader->len - start + 1u, 1);
    if (!text)
        return ERR_NOMEM;
    for (;; reader->at++) {
        if (reader->at == reader->len)
            return expected(reader, "a closing quote");
        char c = reader->line[reader->at];
        if (c == '"')
            break;
        if (c == ']')
            return expected(reader, "'\\' in front of ']'");
        char next = reader->at + 1 < reader->len ? reader->line[reader->at + 1] : '\0';
        if (c == '\\' && (next == '"' || next == '\\' || next == ']'))
            c = reader->line[++reader->at];
        text[len++] = c;
    }
    reader->at++;
    return json_write_string(text, len, json);
}

static int put_element(struct text_reader *reader, struct buf *json)
{
    reader->at++; // [
    int code = put_name(reader, json, "the id of structured data");
    if (!code)
        code = buf_putc(json, '{');
    for (bool first = true; !code && peek(reader) == ' '; first = false) {
        reader->at++;
        if (!first)
            code = buf_putc(json, ',');
        if (!code)
            code = put_name(reader, json, "the name of a parameter");
        if (!code && peek(reader) != '=')
            return expected(reader, "'=' behind the name");
        reader->at++;
        if (!code)
            code = put_param_value(reader, json);
    }
    if (!code && peek(reader) != ']')
        return expected(reader, "a space or ']'");
    reader->at++;
    return code ? code : buf_putc(json, '}');
}

static int put_elements(struct text_reader *reader, struct buf *json)
{
    int code = buf_putc(json, '{');
    for (bool first = true; !code && peek(reader) == '['; first = false) {
        if (!first)
            code = buf_putc(json, ',');
        if (!code)
            code = put_element(reader, json);
    }
    return code ? code : buf_putc(json, '}');
}

static int read_data(struct text_reader *reader)
{
    if (peek(reader) == '-') {
        reader->at++;
        return 0;
    }
    if (peek(reader) != '[')
        return expected(reader, "structured data or '-'");
    struct buf json;
    buf_init(&json, (size_t)reader->len * 8 + 64); // an escape is up to six times as long
    int code = put_elements(reader, &json);
    const char *text = code ? NULL : batch_copy(reader->batch, json.data, json.len);
    if (!code && !text)
        code = ERR_NOMEM;
    if (!code)
        PUT(reader, "data", ((struct span){0}),
            ((struct value){.type = VALUE_OBJECT, .len = (uint32_t)json.len, .bytes = text}));
    buf_deinit(&json);
    return code == ERR_LIMIT ? ERR_NOMEM : code; // its limit is beyond what the line can make
}

static int read_5424(struct text_reader *reader)
{
    reader->at += 2; // the version and its space
    int code = read_head(reader);
    if (!code)
        code = read_data(reader);
    if (code || reader->at == reader->len)
        return code;
    if (peek(reader) != ' ')
        return expected(reader, "a space in front of the message");
    reader->at++;
    if (reader->len - reader->at >= 3 && memcmp(reader->line + reader->at, "\xef\xbb\xbf", 3) == 0)
        reader->at += 3;
    PUT(reader, "message", text_span(reader->at, reader->len - reader->at), unset);
    return 0;
}

// -- RFC 3164 --

// "Oct 11 22:14:15 ", the day with a space in front when it is below ten.
static bool is_time(const char *p, uint32_t len)
{
    static const char form[] = "Aaa d0 00:00:00 ";
    if (len < sizeof form - 1)
        return false;
    for (uint32_t i = 0; i < sizeof form - 1; i++) {
        char c = p[i], f = form[i];
        bool fits = f == 'A'   ? c >= 'A' && c <= 'Z'
                    : f == 'a' ? c >= 'a' && c <= 'z'
                    : f == 'd' ? c == ' ' || is_digit(c)
                    : f == '0' ? is_digit(c)
                               : c == f;
        if (!fits)
            return false;
    }
    return true;
}

// "tag[123]: " or "tag: ".
static void read_tag(struct text_reader *reader)
{
    uint32_t at = reader->at, tag, pid = 0, pid_len = 0;
    while (at < reader->len && reader->line[at] > ' ' && reader->line[at] < 0x7f &&
           reader->line[at] != ':' && reader->line[at] != '[')
        at++;
    tag = at - reader->at;
    if (tag && at < reader->len && reader->line[at] == '[') {
        pid = at + 1;
        const char *end = memchr(reader->line + pid, ']', reader->len - pid);
        if (!end)
            return;
        pid_len = (uint32_t)(end - reader->line) - pid;
        at = pid + pid_len + 1;
    }
    if (!tag || at >= reader->len || reader->line[at] != ':')
        return;
    PUT(reader, "app", text_span(reader->at, tag), unset);
    if (pid_len)
        PUT(reader, "pid", text_span(pid, pid_len), unset);
    reader->at = at + 1;
    reader->at += peek(reader) == ' ';
}

static int read_3164(struct text_reader *reader)
{
    enum { TIME = 15 };
    if (is_time(reader->line + reader->at, reader->len - reader->at)) {
        PUT(reader, "time", text_span(reader->at, TIME), unset);
        reader->at += TIME + 1;
        uint32_t len = word(reader);
        if (len && reader->at + len < reader->len && reader->line[reader->at + len] == ' ' &&
            reader->line[reader->at + len - 1] != ':') { // else it is the tag: no host
            PUT(reader, "host", text_span(reader->at, len), unset);
            reader->at += len + 1;
        }
        read_tag(reader);
    }
    PUT(reader, "message", text_span(reader->at, reader->len - reader->at), unset);
    return 0;
}

// -- the decoder --

static int read_line(struct text_reader *reader)
{
    int code = codec_check_utf8(reader->err, reader->line, reader->len);
    if (!code)
        code = read_pri(reader);
    if (code)
        return code;
    bool versioned =
        peek(reader) == '1' && reader->at + 1 < reader->len && reader->line[reader->at + 1] == ' ';
    return versioned ? read_5424(reader) : read_3164(reader);
}

struct decoder *decoder_syslog_new(struct shape_table *shapes, const struct json_limits *limits)
{
    return text_decoder_new(read_line, shapes, limits);
}
