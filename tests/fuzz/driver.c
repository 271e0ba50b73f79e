// SPDX-License-Identifier: MIT
#include "fuzz/fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A small mutating driver: `fuzz_x RUNS SEED FILE...` gives each file to the target as it is, then
// RUNS mutations of them (bytes changed, removed, doubled; pieces of one file put into another).
// The same seed makes the same runs; the number of the run and its input are left in
// fuzz-input.bin when it dies (`fuzz_x 0 0 fuzz-input.bin` runs it again).

enum { INPUT_MAX = 1 << 16, FILES_MAX = 256 };

struct input {
    uint8_t *bytes;
    size_t len;
};

static struct input files[FILES_MAX];
static size_t file_count;
static uint64_t state;

static uint32_t random_below(size_t n)
{
    state ^= state << 13; // xorshift
    state ^= state >> 7;
    state ^= state << 17;
    return n ? (uint32_t)(state % n) : 0;
}

static struct input read_file(const char *path)
{
    struct input input = {malloc(INPUT_MAX), 0};
    FILE *file = fopen(path, "rb");
    if (!file || !input.bytes) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    input.len = fread(input.bytes, 1, INPUT_MAX, file);
    fclose(file);
    return input;
}

static void keep_input(const struct input *input)
{
    FILE *file = fopen("fuzz-input.bin", "wb");
    if (file) {
        fwrite(input->bytes, 1, input->len, file);
        fclose(file);
    }
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
    const struct input *other = &files[random_below(file_count)];
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

int main(int argc, char **argv)
{
    if (argc < 4 || argc - 3 > FILES_MAX) {
        fprintf(stderr, "usage: %s RUNS SEED FILE...\n", argv[0]);
        return 2;
    }
    unsigned long runs = strtoul(argv[1], NULL, 10);
    state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
    for (int i = 3; i < argc; i++)
        files[file_count++] = read_file(argv[i]);
    for (size_t i = 0; i < file_count; i++)
        (void)LLVMFuzzerTestOneInput(files[i].bytes, files[i].len);
    struct input input = {malloc(INPUT_MAX), 0};
    for (unsigned long run = 0; run < runs && input.bytes; run++) {
        const struct input *from = &files[random_below(file_count)];
        input.len = from->len;
        memcpy(input.bytes, from->bytes, from->len);
        for (uint32_t count = 1 + random_below(8); count; count--)
            mutate(&input);
        keep_input(&input);
        (void)LLVMFuzzerTestOneInput(input.bytes, input.len);
    }
    (void)remove("fuzz-input.bin");
    for (size_t i = 0; i < file_count; i++)
        free(files[i].bytes);
    free(input.bytes);
    return 0;
}
