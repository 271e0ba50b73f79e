// SPDX-License-Identifier: MIT
#include "config/topology.h"
#include "unit/config/fixture.h"

// What is said about a wrong configuration, to the letter: the messages are what people see.

#define HEAD "pipeline: p\n"
#define SOURCE "sources:\n  a: { type: generator }\n"
#define SINK "sinks:\n  z: { type: null, inputs: a }\n"
#define FINE HEAD SOURCE SINK
// One tcp_poll source with the given options, in lines 3 to 4.
#define TCP(options) HEAD "sources:\n  a: { type: tcp_poll, targets: x,\n    " options " }\n" SINK
// One aggregate with the given lines, of which the first is line 8.
#define AGG(lines)                                                                                 \
    HEAD SOURCE "operators:\n  m:\n    type: aggregate\n    inputs: a\n" lines                     \
                "sinks:\n  z: { type: null, inputs: m }\n"

// A sink on a connection that decides, with checkpoints that far apart.
#define EPOCHS(delivery, every, options, sink)                                                     \
    HEAD "delivery: " delivery "\ncheckpoint: " every "\nconnections:\n"                           \
         "  k: { type: kafka, brokers: b" options " }\n" SOURCE                                    \
         "sinks:\n  z: { type: kafka, connection: k, topic: t, inputs: a" sink " }\n"

struct message_case {
    const char *name, *yaml, *said;
};

static const struct message_case cases_of_epochs[] = {
    {"short enough", EPOCHS("exactly_once", "49s", "", ""), ""},
    {"too long", EPOCHS("exactly_once", "50s", "", ""),
     "t.yaml:5:3: error: connections.k: an epoch may take checkpoint.every and commit_timeout "
     "(60000 ms), but is aborted after transaction_timeout (60000 ms): make that longer, or "
     "checkpoints more frequent\n"},
    {"too short a timeout",
     EPOCHS("exactly_once", "5s", ", transaction_timeout: 3s, commit_timeout: 1s", ""),
     "t.yaml:5:54: error: connections.k: an epoch may take checkpoint.every and commit_timeout "
     "(6000 ms), but is aborted after transaction_timeout (3000 ms): make that longer, or "
     "checkpoints more frequent\n"},
    {"longer", EPOCHS("exactly_once", "50s", ", transaction_timeout: 61s", ""), ""},
    {"no transactions", EPOCHS("at_least_once", "1h", "", ""), ""},
    {"no sink in them", EPOCHS("exactly_once", "1h", "", ", delivery: at_least_once"), ""},
};

static const struct message_case cases_of_files[] = {
    {"fine", FINE, ""},
    {"nothing", "",
     "t.yaml:1:1: error: expected a map with 'pipeline:', 'sources:' and so on, found nothing\n"},
    {"a list", "- a\n",
     "t.yaml:1:1: error: expected a map with 'pipeline:', 'sources:' and so on, found a list\n"},
    {"text", "hello\n",
     "t.yaml:1:1: error: expected a map with 'pipeline:', 'sources:' and so on, found text\n"},
    {"no pipeline", SOURCE SINK,
     "t.yaml:1:1: error: missing 'pipeline' (its name: state, consumer group and metrics hang on "
     "it)\n"},
    {"pipeline empty", "pipeline:\n" SOURCE SINK,
     "t.yaml:1:10: error: pipeline: expected text, found nothing\n"},
    {"pipeline bad name", "pipeline: a/b\n" SOURCE SINK,
     "t.yaml:1:11: error: pipeline: 'a/b' cannot name a pipeline: letters, digits, '_', '-' and "
     "'.', a letter or digit first, at most 64\n"},
    {"pipeline a list", "pipeline: [a]\n" SOURCE SINK,
     "t.yaml:1:11: error: pipeline: expected text, found a list\n"},
    {"no sources", HEAD SINK,
     "t.yaml:1:1: error: no sources: a pipeline reads from at least one\n"
     "t.yaml:3:28: error: 'a' names no node\n"},
    {"no sinks", HEAD SOURCE,
     "t.yaml:1:1: error: no sinks: a pipeline writes to at least one\n"
     "t.yaml:3:3: error: nothing reads sources.a: name it in the inputs of an operator or a "
     "sink\n"},
    {"empty section", FINE "operators:\n",
     "t.yaml:6:1: error: operators: nothing in it; name an operator or leave the section out\n"},
    {"empty section map", FINE "operators: {}\n",
     "t.yaml:6:1: error: operators: nothing in it; name an operator or leave the section out\n"},
    {"section is a list", HEAD SOURCE "sinks: [a]\n",
     "t.yaml:4:1: error: sinks: expected a map of named nodes, found a list\n"},
    {"section is text", HEAD SOURCE "sinks: yes\n",
     "t.yaml:4:1: error: sinks: expected a map of named nodes, found text\n"},
    {"unknown section", FINE "operator:\n  m: { type: map, inputs: a }\n",
     "t.yaml:6:1: error: unknown key 'operator' in the pipeline; did you mean 'operators'?\n"},
    {"unknown key far from all", FINE "zzzzzzz: 1\n",
     "t.yaml:6:1: error: unknown key 'zzzzzzz' in the pipeline\n"},
    {"x- is ignored", FINE "x-anything: { a: b }\n", ""},
    {"version", FINE "version: 2\n", "t.yaml:6:10: error: version: expected 1, found '2'\n"},
    {"tests is no list", FINE "tests: { a: b }\n",
     "t.yaml:6:8: error: tests: expected a list of cases, found a map\n"},
    {"tab", HEAD "sources:\n\ta: { type: generator }\n" SINK,
     "t.yaml:3:1: error: a tab cannot indent YAML; use spaces\n"},
    {"unterminated quote", HEAD "sources: \"a\n" SINK,
     "t.yaml:2:10: error: the quote that begins here does not end\n"},
    {"unterminated flow", HEAD "sources: { a: { type: generator }\n" SINK,
     "t.yaml:3:1: error: did not find expected ',' or '}', while parsing a flow mapping that "
     "starts in line 2\n"},
    {"bad indentation", HEAD "sources:\n  a: { type: generator }\n b: x\n" SINK,
     "t.yaml:4:2: error: expected a key here; check the indentation\n"},
    {"colon in text", HEAD "sources: a: b\n",
     "t.yaml:2:11: error: a ':' is not expected here; check the indentation, or put the text in "
     "quotes\n"},
    {"interpolation in flow", HEAD "sources: { a: { type: ${X} } }\n" SINK,
     "t.yaml:2:24: error: quotes are missing: inside { } and [ ] write \"${...}\"\n"},
    {"percent", HEAD "sources: %a\n",
     "t.yaml:2:10: error: '%' cannot start a value; put it in quotes\n"},
    {"at", HEAD "sources: @a\n",
     "t.yaml:2:10: error: '@' cannot start a value; put it in quotes\n"},
    {"two documents", FINE "---\n" FINE,
     "t.yaml:6:1: error: a second document: a file holds one\n"},
    {"tag", HEAD "sources:\n  a: { type: !!str generator }\n" SINK,
     "t.yaml:3:14: error: tags such as '!!str' are not supported: types come from the options\n"},
    {"local tag on a map", HEAD "sources: !x\n  a: { type: generator }\n" SINK,
     "t.yaml:2:10: error: tags such as '!x' are not supported: types come from the options\n"},
    {"duplicate key", FINE "pipeline: q\n",
     "t.yaml:6:1: error: duplicate key 'pipeline'; it stands in line 1 already\n"},
    {"duplicate node", HEAD "sources:\n  a: { type: generator }\n  a: { type: generator }\n" SINK,
     "t.yaml:4:3: error: duplicate key 'a'; it stands in line 3 already\n"},
    {"duplicate in flow", TCP("port: 1, port: 2"),
     "t.yaml:4:14: error: duplicate key 'port'; it stands in line 4 already\n"},
    {"list as key", FINE "? [a, b]\n: c\n", "t.yaml:6:3: error: a key must be plain text\n"},
    {"unknown alias", HEAD "sources:\n  a: *b\n" SINK,
     "t.yaml:3:6: error: '*b' names no anchor\n"
     "t.yaml:3:6: error: sources.a: expected a map of options such as { type: ... }, found "
     "nothing\n"},
    {"alias in its anchor", HEAD "sources: &s\n  a: *s\n" SINK,
     "t.yaml:3:6: error: '*s' stands inside the value it names\n"
     "t.yaml:3:6: error: sources.a: expected a map of options such as { type: ... }, found "
     "nothing\n"},
    {"merge of text", HEAD "sources:\n  a: { <<: x, type: generator }\n" SINK,
     "t.yaml:3:8: error: '<<' takes a map or a list of maps, such as *name\n"},
    {"merge of a list with text", HEAD "sources:\n  a: { <<: [x], type: generator }\n" SINK,
     "t.yaml:3:8: error: '<<' takes a map or a list of maps, such as *name\n"},
    {"NUL by escape", HEAD "sources:\n  a: { type: \"gen\\0x\" }\n" SINK,
     "t.yaml:3:14: error: text must not contain a NUL character\n"
     "t.yaml:3:14: error: there is no source of type 'gen'; there are: tcp_poll, log, kafka, "
     "generator, topic\n"},
};

static const struct message_case cases_of_nodes[] = {
    {"node name", HEAD "sources:\n  a.b: { type: generator }\n" SINK,
     "t.yaml:3:3: error: 'a.b' cannot name a source: letters, digits, _ and -, a letter or _ "
     "first, at most 64\n"
     "t.yaml:3:3: error: nothing reads sources.a.b: name it in the inputs of an operator or a "
     "sink\n"
     "t.yaml:5:28: error: 'a' names no node\n"},
    {"node name digit", HEAD "sources:\n  1a: { type: generator }\n" SOURCE SINK,
     "t.yaml:3:3: error: '1a' cannot name a source: letters, digits, _ and -, a letter or _ first, "
     "at most 64\n"
     "t.yaml:4:1: error: duplicate key 'sources'; it stands in line 2 already\n"
     "t.yaml:7:28: error: 'a' names no node; did you mean '1a'?\n"},
    {"same name twice", HEAD SOURCE "sinks:\n  a: { type: null, inputs: a }\n",
     "t.yaml:5:3: error: 'a' names a source already (t.yaml:3)\n"},
    {"node is text", HEAD "sources:\n  a: generator\n" SINK,
     "t.yaml:3:6: error: sources.a: expected a map of options such as { type: ... }, found text\n"},
    {"node is nothing", HEAD "sources:\n  a:\n" SINK,
     "t.yaml:3:5: error: sources.a: expected a map of options such as { type: ... }, found "
     "nothing\n"},
    {"no type", HEAD "sources:\n  a: { rate: 5 }\n" SINK,
     "t.yaml:3:3: error: sources.a needs 'type' (the kind of source)\n"},
    {"type is a list", HEAD "sources:\n  a: { type: [x] }\n" SINK,
     "t.yaml:3:14: error: sources.a.type: expected text, found a list\n"},
    {"near type", HEAD "sources:\n  a: { type: tcp_pol }\n" SINK,
     "t.yaml:3:14: error: there is no source of type 'tcp_pol'; did you mean 'tcp_poll'?\n"},
    {"far type", HEAD "sources:\n  a: { type: zzzzzzz }\n" SINK,
     "t.yaml:3:14: error: there is no source of type 'zzzzzzz'; there are: tcp_poll, log, kafka, "
     "generator, topic\n"},
    {"type of another kind", HEAD "sources:\n  a: { type: map }\n" SINK,
     "t.yaml:3:14: error: there is no source of type 'map'; there are: tcp_poll, log, kafka, "
     "generator, topic\n"},
    {"topic without connection", HEAD "sources:\n  a: { type: topic, topic: x }\n" SINK,
     "t.yaml:3:14: error: sources.a: type 'topic' needs 'connection', which says where topics are "
     "(a 'log' or 'kafka')\n"},
    {"topic on unknown connection",
     HEAD "connections:\n  main: { type: log, dir: d }\nsources:\n  a: { type: topic, connection: "
          "mian, topic: x }\n" SINK,
     "t.yaml:3:3: warning: connection 'main' is not used\n"
     "t.yaml:5:33: error: 'mian' names no connection; did you mean 'main'?\n"},
    {"no connections at all", HEAD "sources:\n  a: { type: kafka, connection: x, topic: x }\n" SINK,
     "t.yaml:3:33: error: 'x' names no connection; there are none\n"},
    {"topic on a cache",
     HEAD "connections:\n  main: { type: cache }\nsources:\n  a: { type: topic, connection: main, "
          "topic: x }\n" SINK,
     "t.yaml:5:14: error: sources.a: connection 'main' is a 'cache', which has no topics\n"},
    {"connection of another type",
     HEAD "connections:\n  main: { type: log, dir: d }\nsources:\n  a: { type: kafka, connection: "
          "main, topic: x }\n" SINK,
     "t.yaml:5:33: error: sources.a: connection 'main' is a 'log', not a 'kafka'\n"},
    {"connection unused", FINE "connections:\n  main: { type: log, dir: d }\n",
     "t.yaml:7:3: warning: connection 'main' is not used\n"},
    {"connection without its option", FINE "connections:\n  main: { type: log }\n",
     "t.yaml:7:3: error: connections.main needs 'dir' (where it is kept)\n"
     "t.yaml:7:3: warning: connection 'main' is not used\n"},
    {"connection of unknown type",
     HEAD "connections:\n  main: { type: lag }\nsources:\n  a: { type: topic, connection: main, "
          "topic: x }\n" SINK,
     "t.yaml:3:17: error: there is no connection of type 'lag'; did you mean 'log'?\n"},
    {"unknown key", AGG("    keyby: device\n    window: { tumbling: 60s }\n"),
     "t.yaml:8:5: error: unknown key 'keyby' in operators.m; did you mean 'key_by'?\n"},
    {"unknown key inside", AGG("    window: { tumbling: 60s, latenes: 5s }\n"),
     "t.yaml:8:30: error: unknown key 'latenes' in operators.m.window; did you mean 'lateness'?\n"},
    {"key a level too high", AGG("    window: { tumbling: 60s }\n    lateness: 5s\n"),
     "t.yaml:9:5: error: unknown key 'lateness' in operators.m; did you mean 'window.lateness'?\n"},
    {"required missing", AGG("    key_by: x\n"), "t.yaml:5:3: error: operators.m needs 'window'\n"},
    {"map wanted", AGG("    window: 60s\n"),
     "t.yaml:8:13: error: operators.m.window: expected a map of tumbling, lateness, found text\n"},
    {"script and lua", AGG("    window: { tumbling: 60s }\n    script: a.lua\n    lua: return 1\n"),
     "t.yaml:10:10: error: operators.m: either 'script' or 'lua', not both\n"},
    {"params wants a map", AGG("    window: { tumbling: 60s }\n    params: 5\n"),
     "t.yaml:9:13: error: operators.m.params: expected a map, found text\n"},
    {"parallelism", AGG("    window: { tumbling: 60s }\n    parallelism: many\n"),
     "t.yaml:9:18: error: operators.m.parallelism: expected an integer or auto, found 'many'\n"},
    {"parallelism zero", AGG("    window: { tumbling: 60s }\n    parallelism: 0\n"),
     "t.yaml:9:18: error: operators.m.parallelism: expected a value from 1 to 1024, found '0'\n"},
    {"many at once",
     HEAD "delivery: exactly\nsources:\n  a: { type: generator, rate: fast, foo: 1 }\nsinks:\n  z: "
          "{ type: null, inputs: b }\n",
     "t.yaml:2:11: error: delivery: expected 'at_least_once' or 'exactly_once', found 'exactly'\n"
     "t.yaml:4:3: error: nothing reads sources.a: name it in the inputs of an operator or a sink\n"
     "t.yaml:4:31: error: sources.a.rate: expected a number, found 'fast'\n"
     "t.yaml:4:37: error: unknown key 'foo' in sources.a\n"
     "t.yaml:6:28: error: 'b' names no node\n"},
};

static const struct message_case cases_of_values[] = {
    {"duration without unit", TCP("interval: 30"),
     "t.yaml:4:15: error: sources.a.interval: expected a duration such as 30s, found '30'\n"},
    {"duration with space", TCP("interval: 30 s"),
     "t.yaml:4:15: error: sources.a.interval: expected a duration such as 30s, found '30 s'\n"},
    {"duration wrong order", TCP("interval: 1s1m"),
     "t.yaml:4:15: error: sources.a.interval: expected a duration such as 30s, found '1s1m'\n"},
    {"duration negative", TCP("interval: -1s"),
     "t.yaml:4:15: error: sources.a.interval: expected a duration such as 30s, found '-1s'\n"},
    {"duration too long", TCP("interval: 2h"),
     "t.yaml:4:15: error: sources.a.interval: expected a value from 10ms to 1h, found '2h'\n"},
    {"duration overflows", TCP("interval: 99999999999999999999d"),
     "t.yaml:4:15: error: sources.a.interval: expected a duration such as 30s, found "
     "'99999999999999999999d'\n"},
    {"duration below a millisecond", TCP("interval: 0.0001s"),
     "t.yaml:4:15: error: sources.a.interval: expected a duration such as 30s, found '0.0001s'\n"},
    {"duration is a list", TCP("interval: [1s]"),
     "t.yaml:4:15: error: sources.a.interval: expected a duration such as 30s, found a list\n"},
    {"duration is nothing", TCP("interval: "),
     "t.yaml:4:16: error: sources.a.interval: expected a duration such as 30s, found nothing\n"},
    {"size", TCP("max_bytes: 64 KB"),
     "t.yaml:4:16: error: sources.a.max_bytes: expected a size such as 64MiB, found '64 KB'\n"},
    {"size negative", TCP("max_bytes: -1"),
     "t.yaml:4:16: error: sources.a.max_bytes: expected a size such as 64MiB, found '-1'\n"},
    {"integer", TCP("port: 08"),
     "t.yaml:4:11: error: sources.a.port: expected an integer, found '08'\n"},
    {"integer hex", TCP("port: 0x10"),
     "t.yaml:4:11: error: sources.a.port: expected an integer, found '0x10'\n"},
    {"integer float", TCP("port: 1.0"),
     "t.yaml:4:11: error: sources.a.port: expected an integer, found '1.0'\n"},
    {"integer too large", TCP("port: 65536"),
     "t.yaml:4:11: error: sources.a.port: expected a value from 1 to 65535, found '65536'\n"},
    {"integer beyond int64", TCP("port: 9223372036854775808"),
     "t.yaml:4:11: error: sources.a.port: expected an integer, found '9223372036854775808'\n"},
    {"number", TCP("share: .nan"),
     "t.yaml:4:12: error: sources.a.share: expected a number, found '.nan'\n"},
    {"number range", TCP("share: 1.5"),
     "t.yaml:4:12: error: sources.a.share: expected a value from 0 to 1, found '1.5'\n"},
    {"bool", TCP("follow: yes"),
     "t.yaml:4:13: error: sources.a.follow: expected true or false, found 'yes'\n"},
    {"choice", TCP("decode: jsn"),
     "t.yaml:4:13: error: sources.a.decode: expected 'json', 'text', 'csv', 'syslog', 'logfmt', "
     "'msgpack' or "
     "'none', "
     "found 'jsn'; "
     "did "
     "you mean 'json'?\n"},
    {"choice far", TCP("decode: protobuf"),
     "t.yaml:4:13: error: sources.a.decode: expected 'json', 'text', 'csv', 'syslog', 'logfmt', "
     "'msgpack' or "
     "'none', "
     "found "
     "'protobuf'\n"},
    {"choice empty", TCP("decode: ''"),
     "t.yaml:4:13: error: sources.a.decode: expected 'json', 'text', 'csv', 'syslog', 'logfmt', "
     "'msgpack' or "
     "'none', "
     "found "
     "nothing\n"},
    {"range", TCP("backoff: 5s..1s"),
     "t.yaml:4:14: error: sources.a.backoff: expected the smaller duration first, found "
     "'5s..1s'\n"},
    {"range text", TCP("backoff: fast"),
     "t.yaml:4:14: error: sources.a.backoff: expected a range of durations such as 200ms..30s, "
     "found 'fast'\n"},
    {"range map", TCP("backoff: { from: 1s }"),
     "t.yaml:4:14: error: sources.a.backoff needs 'to'\n"},
    {"free map wants text", TCP("labels: { a: [1] }"),
     "t.yaml:4:18: error: sources.a.labels.a: expected text, found a list\n"},
    {"free map is text", TCP("labels: a"),
     "t.yaml:4:13: error: sources.a.labels: expected a map, found text\n"},
    {"data map is text", TCP("fields: a"),
     "t.yaml:4:13: error: sources.a.fields: expected a map, found text\n"},
    {"list item", TCP("ports: [1, x, 3]"),
     "t.yaml:4:16: error: sources.a.ports.2: expected an integer, found 'x'\n"},
    {"list of maps", TCP("tags: [ { name: a, wight: 2 }, { weight: x } ]"),
     "t.yaml:4:24: error: unknown key 'wight' in sources.a.tags.1; did you mean 'weight'?\n"
     "t.yaml:4:36: error: sources.a.tags.2 needs 'name'\n"
     "t.yaml:4:46: error: sources.a.tags.2.weight: expected a number, found 'x'\n"},
    {"secret is not shown", TCP("password: [hunter2]"),
     "t.yaml:4:15: error: sources.a.password: expected text, found a list\n"},
    {"deprecated", TCP("wait: 5s"),
     "t.yaml:4:5: warning: sources.a.wait is deprecated: use 'interval'\n"},
    {"event_time empty", TCP("event_time: {}"),
     "t.yaml:4:17: error: sources.a.event_time: expected record or { field, unit }\n"},
    {"event_time short", TCP("event_time: records"),
     "t.yaml:4:17: error: sources.a.event_time: expected 'record', found 'records'; did you mean "
     "'record'?\n"},
    {"event_time both", TCP("event_time: { from: record, field: x }"),
     "t.yaml:4:17: error: sources.a.event_time: expected record or { field, unit }\n"},
    {"event_time unit", TCP("event_time: { field: x, unit: sec }"),
     "t.yaml:4:35: error: sources.a.event_time.unit: expected 's', 'ms', 'us', 'ns' or 'rfc3339', "
     "found 'sec'\n"},
    {"unknown in watermark", TCP("watermark: { out_of_oder: 1s }"),
     "t.yaml:4:18: error: unknown key 'out_of_oder' in sources.a.watermark; did you mean "
     "'out_of_order'?\n"},
    {"template", HEAD SOURCE "sinks:\n  z: { type: file, inputs: a, path: \"{a\", key: \"a}\" }\n",
     "t.yaml:5:37: error: sinks.z.path: template '{a': '{a': the brace is not closed\n"
     "t.yaml:5:48: error: sinks.z.key: template 'a}': a closing brace without an opening one "
     "(write '}}')\n"},
    {"template in headers",
     HEAD SOURCE "sinks:\n  z: { type: null, inputs: a, headers: { h: '{}' } "
                 "}\n",
     "t.yaml:5:45: error: sinks.z.headers.h: template '{}': '{}': a field name is missing\n"},
    {"null leaves out", TCP("interval: null, password: ~"), ""},
    {"text keeps its form", TCP("password: 010, labels: { a: no, b: 12:30, c: 1.50 }"), ""},
};

static const struct message_case cases_of_edges[] = {
    {"no inputs",
     HEAD SOURCE "operators:\n  m: { type: map }\n" SINK "  y: { type: null, inputs: m }\n",
     "t.yaml:5:3: error: operators.m needs 'inputs'\n"},
    {"sink without inputs", FINE "  y: { type: null }\n",
     "t.yaml:6:3: error: sinks.y needs 'inputs' (or an on_error that names it as dlq)\n"},
    {"inputs empty list", FINE "  y: { type: null, inputs: [] }\n",
     "t.yaml:6:3: error: sinks.y needs 'inputs' (or an on_error that names it as dlq)\n"},
    {"inputs is nothing", FINE "  y: { type: null, inputs: }\n",
     "t.yaml:6:28: error: sinks.y.inputs: expected a node or node.port, found nothing\n"},
    {"input unknown",
     HEAD SOURCE "operators:\n  average: { type: map, inputs: a }\nsinks:\n  z: { type: null, "
                 "inputs: avrage }\n",
     "t.yaml:7:28: error: 'avrage' names no node; did you mean 'average'?\n"},
    {"input is a sink", FINE "  y: { type: null, inputs: z }\n",
     "t.yaml:6:28: error: 'z' is a sink: nothing comes out of it\n"},
    {"input twice", HEAD SOURCE "sinks:\n  z: { type: null, inputs: [a, a] }\n",
     "t.yaml:5:32: error: 'a' is named twice in the inputs of sinks.z\n"},
    {"input is a map in a list", HEAD SOURCE "sinks:\n  z: { type: null, inputs: [{a: b}] }\n",
     "t.yaml:5:29: error: sinks.z.inputs: expected a node or node.port, found a map\n"},
    {"inputs is a map", HEAD SOURCE "sinks:\n  z: { type: null, inputs: { left: a } }\n",
     "t.yaml:5:28: error: sinks.z.inputs: expected a node or a list of nodes, found a map\n"},
    {"join without sides", FINE "operators:\n  j: { type: join, inputs: [a] }\n",
     "t.yaml:7:28: error: operators.j.inputs: expected its sides: { left: node, right: node }\n"},
    {"unknown port", AGG("    window: { tumbling: 1s }\n") "  y: { type: null, inputs: m.lat }\n",
     "t.yaml:11:28: error: 'm' has no port 'lat'; did you mean 'late'?\n"},
    {"port far", AGG("    window: { tumbling: 1s }\n") "  y: { type: null, inputs: m.zzzzz }\n",
     "t.yaml:11:28: error: 'm' has no port 'zzzzz'; it has out, late, errors\n"},
    {"source has no port", FINE "  y: { type: null, inputs: a.late }\n",
     "t.yaml:6:28: error: 'a' has no port 'late'; it has out, errors\n"},
    {"route has no out",
     HEAD SOURCE "operators:\n  r: { type: route, inputs: a, routes: { bad: x } }\nsinks:\n  z: { "
                 "type: null, inputs: r }\n",
     "t.yaml:7:28: error: 'r' has no unnamed output; name one of its ports: unmatched, bad, "
     "errors\n"},
    {"route named as a port",
     HEAD SOURCE
     "operators:\n  r: { type: route, inputs: a, routes: { unmatched: x, errors: y, out: "
     "z } }\nsinks:\n  z: { type: null, inputs: r.errors }\n",
     "t.yaml:5:53: error: operators.r.routes: 'unmatched' is a port of its own; choose another "
     "name\n"
     "t.yaml:5:64: error: operators.r.routes: 'errors' is a port of its own; choose another name\n"
     "t.yaml:5:72: error: operators.r.routes: 'out' is a port of its own; choose another name\n"},
    {"ports as a list",
     FINE "  y: { type: null, inputs: [s.one, s.tow] }\noperators:\n  s: { type: split, inputs: a, "
          "ports: [one, two, errors] }\n",
     "t.yaml:6:36: error: 's' has no port 'tow'; did you mean 'two'?\n"
     "t.yaml:8:50: error: operators.s.ports: 'errors' is a port of its own; choose another name\n"},
    {"route's own port",
     HEAD SOURCE "operators:\n  r: { type: route, inputs: a, routes: { bad: x } }\nsinks:\n  z: { "
                 "type: null, inputs: [r.bad, r.unmatched] }\n",
     ""},
    {"route unread", FINE "operators:\n  r: { type: route, inputs: a, routes: { bad: x } }\n",
     "t.yaml:7:3: error: nothing reads a port of operators.r: name one in the inputs of a node\n"},
    {"unread source", HEAD "sources:\n  a: { type: generator }\n  b: { type: generator }\n" SINK,
     "t.yaml:4:3: error: nothing reads sources.b: name it in the inputs of an operator or a "
     "sink\n"},
    {"unread operator", FINE "operators:\n  m: { type: map, inputs: a }\n",
     "t.yaml:7:3: error: nothing reads operators.m: name it in the inputs of an operator or a "
     "sink\n"},
    {"unread but optional", FINE "operators:\n  m: { type: watch, inputs: a }\n", ""},
    {"only late is read",
     HEAD SOURCE "operators:\n  m: { type: aggregate, inputs: a, window: { tumbling: 1s } "
                 "}\nsinks:\n  z: { type: null, inputs: m.late }\n",
     "t.yaml:5:3: error: nothing reads operators.m: name it in the inputs of an operator or a "
     "sink\n"},
    {"node.out", HEAD SOURCE "sinks:\n  z: { type: null, inputs: a.out }\n", ""},
    {"own input", HEAD SOURCE "operators:\n  m: { type: map, inputs: m }\n" SINK,
     "t.yaml:5:3: error: records would go in a circle: m -> m\n"},
    {"circle",
     HEAD SOURCE "operators:\n  m: { type: map, inputs: [a, o] }\n  n: { type: map, inputs: m }\n  "
                 "o: { type: map, inputs: n }\n" SINK,
     "t.yaml:5:3: error: records would go in a circle: m -> n -> o -> m\n"},
    {"join",
     FINE "operators:\n  j: { type: join, inputs: { left: a, right: a } }\n  w: { type: watch, "
          "inputs: j }\n",
     ""},
    {"dlq to nowhere", TCP("on_error: { dlq: bda }") "  bad: { type: null, inputs: a }\n",
     "t.yaml:4:22: error: 'bda' names no sink; did you mean 'bad'?\n"},
    {"dlq to a source", TCP("on_error: { dlq: a }"),
     "t.yaml:4:22: error: 'a' is a source; dead letters go to a sink\n"},
    {"dlq without inputs", TCP("on_error: { dlq: bad }") "  bad: { type: null }\n", ""},
    {"dlq to itself", FINE "  y: { type: null, inputs: a, on_error: { dlq: y } }\n",
     "t.yaml:6:48: error: sinks.y cannot take its own dead letters\n"},
    {"dlq circle",
     HEAD SOURCE "sinks:\n  y: { type: null, inputs: a, on_error: { dlq: z } }\n  z: { type: null, "
                 "on_error: { dlq: y } }\n",
     "t.yaml:5:3: error: records would go in a circle: y -> z -> y\n"},
    {"on_error word", TCP("on_error: ignore"),
     "t.yaml:4:15: error: sources.a.on_error: expected 'stop' or 'skip', found 'ignore'\n"},
    {"on_error two", TCP("on_error: { dlq: z, retry: {} }"),
     "t.yaml:4:15: error: sources.a.on_error: expected one of stop, skip, { dlq: SINK } and { "
     "retry: ... }\n"},
    {"on_error then alone", TCP("on_error: { dlq: z, then: stop }"),
     "t.yaml:4:31: error: sources.a.on_error: 'then' goes with 'retry'\n"},
    {"on_error empty", TCP("on_error: {}"),
     "t.yaml:4:15: error: sources.a.on_error: expected one of stop, skip, { dlq: SINK } and { "
     "retry: ... }\n"},
    {"on_error then", TCP("on_error: { retry: { max: 0 }, then: { retry: {} } }"),
     "t.yaml:4:31: error: sources.a.on_error.retry.max: expected a value from 1 to 1000000000, "
     "found '0'\n"
     "t.yaml:4:44: error: unknown key 'retry' in sources.a.on_error.then\n"},
    {"on_error backoff", TCP("on_error: { retry: { backoff: 5 } }"),
     "t.yaml:4:35: error: sources.a.on_error.retry.backoff: expected a range of durations such as "
     "200ms..30s, found '5'\n"},
    {"on_error retry then dlq", TCP("on_error: { retry: { max: 3 }, then: { dlq: z } }"), ""},
};

static void run(const struct message_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct loaded loaded = load_text(cases[i].yaml, NULL, 0);
        check_said(cases[i].name, &loaded.problems, cases[i].said);
        CU_ASSERT_EQUAL(loaded.code == 0, loaded.topology != NULL);
        CU_ASSERT_EQUAL(loaded.code == 0, loaded.problems.errors == 0);
        unload(&loaded);
    }
}

#define RUN(table) run((table), sizeof(table) / sizeof *(table))

static void says_it_of_files(void)
{
    RUN(cases_of_files);
}
static void says_it_of_epochs(void)
{
    RUN(cases_of_epochs);
}
static void says_it_of_nodes(void)
{
    RUN(cases_of_nodes);
}
static void says_it_of_values(void)
{
    RUN(cases_of_values);
}
static void says_it_of_edges(void)
{
    RUN(cases_of_edges);
}

static CU_TestInfo tests[] = {{"files", says_it_of_files}, {"epochs", says_it_of_epochs},
                              {"nodes", says_it_of_nodes}, {"values", says_it_of_values},
                              {"edges", says_it_of_edges}, CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("messages", tests))
