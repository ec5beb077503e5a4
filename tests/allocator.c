/*
 * The whole family of malloc, in place of the C library's, which uses it too,
 * as does its dynamic linker.  Memory is taken from an array and never given
 * back: enough for a test.
 *
 * SPDX-License-Identifier: MIT
 */
#include "allocator.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define UNIT 16 /* what malloc aligns to; the size is kept in the one before */

void *memalign(size_t alignment, size_t size);

static _Alignas(UNIT) unsigned char arena[64 << 20];
static size_t used;
static _Thread_local long count;

long allocations(void)
{
    return count;
}

static void *take(size_t size, size_t alignment)
{
    size_t room = size + UNIT + (alignment > UNIT ? alignment : UNIT);
    size_t start;
    unsigned char *block;

    count++;
    room -= room % UNIT;
    if (room < size || room > sizeof arena
        || (start = __atomic_fetch_add(&used, room, __ATOMIC_RELAXED))
               > sizeof arena - room) {
        errno = ENOMEM;
        return NULL;
    }
    block = arena + start + UNIT;
    if (alignment > UNIT)
        block += -(uintptr_t)block % alignment;
    memcpy(block - UNIT, &size, sizeof size);
    return block;
}

void *malloc(size_t size)
{
    return take(size, UNIT);
}

void free(void *block)
{
    (void)block;
}

/* The array is all zero, and no part of it is given out twice. */
void *calloc(size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    return take(n * size, UNIT);
}

void *realloc(void *old, size_t size)
{
    void *block = take(size, UNIT);
    size_t old_size;

    if (old == NULL || block == NULL)
        return block;
    memcpy(&old_size, (unsigned char *)old - UNIT, sizeof old_size);
    return memcpy(block, old, old_size < size ? old_size : size);
}

void *memalign(size_t alignment, size_t size)
{
    return take(size, alignment);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return take(size, alignment);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = take(size, alignment);
    return *block != NULL ? 0 : ENOMEM;
}
