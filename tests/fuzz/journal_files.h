// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

// Segment files from arbitrary bytes, in a directory of their own. Checksums would refuse nearly
// every mutation, so the bytes are a program that makes files whose sums are right or wrong as it
// says. Its instructions, one letter each:
//
//   S f    begins a segment at the number that comes next; f: '.', or letters of what is wrong with
//          its header ('i' another journal, 'b' the segment before, 'n' its name, 's' the sum) or
//          true of it ('c' a snapshot)
//   E n x  an entry of n ('0'..) records, its content the n bytes behind it; x: as above ('l' the
//          length, 'q' the sequence, 't' the type, 's' the sum, '.' nothing)
//   C x    a commit ('o' the offset, 'q', 'd' durable, 's', 'i', '.')
//   D x    the same, after a sync: all before it is durable
//   X a b  the byte at offset a*256+b of the segment so far gets the next byte
//   T a    cuts the last a bytes
//   R ...  all that follows as it is
//
// Other bytes do nothing.

enum { JOURNAL_DIR_MAX = 64 };

void journal_files_make(char dir[JOURNAL_DIR_MAX], const uint8_t *program, size_t size);
void journal_files_remove(const char *dir);
