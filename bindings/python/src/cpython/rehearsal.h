/*
 * rehearsal.h - learns how CPython waits for its GIL.  See rehearsal.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_REHEARSAL_H
#define PPY_REHEARSAL_H

#include <stdint.h>

/*
 * Have the scheduler take over the GIL of the interpreter that the calling
 * thread, which is attached, runs in, for a module more.
 *
 * Returns   NULL, or why it is left as it is: a static string
 *           *id, for ppy_interposer_leave: 0, if it is
 */
const char *ppy_rehearse(uint64_t *id);

#endif
