/*
 * libc.c - the C library's own conditions, behind ours.
 *
 * Idea
 *   They are looked up once, behind this library in the order of search.
 *   glibc has had two kinds of conditions under the same names; where there
 *   are both, the version says which is meant.
 *
 * State
 *   functions         written before the mark is known, then only read
 *   ppt__libc_known   the mark; all who find it find the same
 *   finding           the thread is looking them up; its own
 *
 * Races
 *   A thread may be here before the constructor, or several at once: each
 *   finds everything by itself and stores the same values.  The mark is
 *   stored last, and whoever has loaded it sees the functions.
 *   A dynamic linker, or a malloc that it calls, may use a condition while
 *   it looks up: that one is its own, so it is private, and ours.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "libc.h"

#include <dlfcn.h>

#include "pyplusthread/pthread.h"

static const char *const names[PPT__FUNCTIONS] = {
    [PPT__INIT] = "pthread_cond_init",
    [PPT__DESTROY] = "pthread_cond_destroy",
    [PPT__WAIT] = "pthread_cond_wait",
    [PPT__TIMEDWAIT] = "pthread_cond_timedwait",
    [PPT__CLOCKWAIT] = "pthread_cond_clockwait",
    [PPT__SIGNAL] = "pthread_cond_signal",
    [PPT__BROADCAST] = "pthread_cond_broadcast",
};

/* No condition has it (M1 in mark.c). */
static const ppt__mark_t nobodys = {
    offsetof(ppt_pthread_cond_t, reserved2), UINT32_MAX
};

static void *functions[PPT__FUNCTIONS];
ppt__mark_t ppt__libc_known;
static _Thread_local bool finding;

/* pthread_cond_clockwait came later, and has only ever been of one kind. */
static void *look_up(int number)
{
#ifdef PPT_COND_VERSION
    if (number != PPT__CLOCKWAIT)
        return dlvsym(RTLD_NEXT, names[number], PPT_COND_VERSION);
#endif
    return dlsym(RTLD_NEXT, names[number]);
}

ppt__mark_t ppt__libc_find(void)
{
    ppt__mark_t mark;
    int i;

    if (finding)
        return nobodys;
    finding = true;
    for (i = 0; i < PPT__FUNCTIONS; i++)
        __atomic_store_n(&functions[i], look_up(i), __ATOMIC_RELAXED);
    ppt__mark_find(&mark, ppt__libc(PPT__INIT).init,
                   ppt__libc(PPT__DESTROY).call);
    __atomic_store(&ppt__libc_known, &mark, __ATOMIC_RELEASE);
    finding = false;
    return mark;
}

ppt__function_t ppt__libc(int number)
{
    ppt__function_t function;

    function.found = __atomic_load_n(&functions[number], __ATOMIC_RELAXED);
    return function;
}

bool ppt__libc_has_all(void)
{
    return ppt__libc_mark().mask == 0;
}

__attribute__((constructor)) static void look_up_early(void)
{
    ppt__libc_mark();
}
