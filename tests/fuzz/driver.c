// SPDX-License-Identifier: MIT
#include "fuzz/fuzz.h"
#include "fuzz/seeds.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A small mutating driver: `fuzz_x RUNS SEED FILE...` gives each input in the files (seeds.h) to
// the target as it is, then RUNS mutations of them (bytes changed, removed, doubled; pieces of one
// put into another). The same seed makes the same runs; the input is left in fuzz_x.input when it
// dies
// (`fuzz_x 0 0 fuzz_x.input` runs it again).

static struct input inputs[INPUTS_MAX];
static size_t input_count;
static uint64_t state;
static char kept_path[4096];

static uint32_t random_below(size_t n)
{
    state ^= state << 13; // xorshift
    state ^= state >> 7;
    state ^= state << 17;
    return n ? (uint32_t)(state % n) : 0;
}

static void keep_input(const struct input *input)
{
    FILE *file = fopen(kept_path, "wb");
    if (file) {
        fwrite(input->bytes, 1, input->len, file);
        fclose(file);
    }
}

static void run(const struct input *input)
{
    keep_input(input);
    // In a block of its own size, as libFuzzer does.
    uint8_t *copy = malloc(input->len + (input->len == 0));
    if (!copy)
        exit(2);
    memcpy(copy, input->bytes, input->len);
    (void)LLVMFuzzerTestOneInput(copy, input->len);
    free(copy);
}

// Makes room for `len` bytes at `at`; false: too large.
static int open_gap(struct input *input, size_t at, size_t len)
{
    if (input->len + len > INPUT_MAX)
        return 0;
    memmove(input->bytes + at + len, input->bytes + at, input->len - at);
    input->len += len;
    return 1;
}

static void insert_piece(struct input *input, const uint8_t *bytes, size_t count)
{
    size_t from = random_below(count), len = 1 + random_below(40);
    size_t at = random_below(input->len + 1);
    if (len > count - from)
        len = count - from;
    if (open_gap(input, at, len))
        memcpy(input->bytes + at, bytes + from, len);
}

static void mutate(struct input *input)
{
    static const uint8_t marks[] = "{}[]:,-&*<>|!?#%@'\"$ \n\t.0a~\\\xff\x80";
    size_t at = random_below(input->len);
    const struct input *other = &inputs[random_below(input_count)];
    uint8_t copy[64];
    switch (input->len ? random_below(6) : 5) {
    case 0:
        input->bytes[at] = marks[random_below(sizeof marks - 1)];
        break;
    case 1:
        input->bytes[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 2: {
        size_t len = 1 + random_below(20);
        len = len > input->len - at ? input->len - at : len;
        memmove(input->bytes + at, input->bytes + at + len, input->len - at - len);
        input->len -= len;
        break;
    }
    case 3: {
        size_t len = input->len - at < sizeof copy ? input->len - at : sizeof copy;
        memcpy(copy, input->bytes + at, len);
        insert_piece(input, copy, len);
        break;
    }
    case 4:
        if (open_gap(input, at, 1))
            input->bytes[at] = marks[random_below(sizeof marks - 1)];
        break;
    default:
        if (other->len)
            insert_piece(input, other->bytes, other->len);
    }
}

static void run_mutations(unsigned long runs)
{
    struct input input = {malloc(INPUT_MAX), 0};
    for (unsigned long number = 0; number < runs && input.bytes; number++) {
        const struct input *from = &inputs[random_below(input_count)];
        input.len = from->len;
        memcpy(input.bytes, from->bytes, from->len);
        for (uint32_t count = 1 + random_below(8); count; count--)
            mutate(&input);
        run(&input);
    }
    free(input.bytes);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s RUNS SEED FILE...\n", argv[0]);
        return 2;
    }
    const char *slash = strrchr(argv[0], '/');
    (void)snprintf(kept_path, sizeof kept_path, "%s.input", slash ? slash + 1 : argv[0]);
    state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
    for (int i = 3; i < argc; i++)
        seeds_read(argv[i], inputs, &input_count);
    for (size_t i = 0; i < input_count; i++)
        run(&inputs[i]);
    run_mutations(strtoul(argv[1], NULL, 10));
    (void)remove(kept_path);
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].bytes);
    return 0;
}
