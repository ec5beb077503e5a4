/*
 * program.h - whether a program can have a library preloaded: see program.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_PROGRAM_H
#define PPT_PROGRAM_H

#include <stddef.h>

/*
 * The path that the system would execute for name, as execvp finds it.  0, or
 * an errno value: ENOENT, EACCES, ENAMETOOLONG.
 */
int ppt__program_find(const char *name, char *path, size_t size);

/* Why the dynamic linker would not preload anything into it; NULL: it will. */
const char *ppt__program_refuses(const char *path);

#endif
