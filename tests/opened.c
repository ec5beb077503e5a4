/* SPDX-License-Identifier: MIT */
/* Before main: open the library at the path LIBRARY, and find its functions. */
#include "actors.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct opened opened;

static void *find(void *library, const char *name)
{
    void *function = library != NULL ? dlsym(library, name) : NULL;

    if (function == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(EXIT_FAILURE);
    }
    return function;
}

/* POSIX wants a pointer to a function to fit into one to an object. */
#define FIND(name) *(void **)&opened.name = find(library, #name);

__attribute__((constructor)) static void open_library(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    PUBLIC_CALLS(FIND)
}

/* What support.c calls. */
int64_t ppt_now(void)
{
    return opened.ppt_now();
}
