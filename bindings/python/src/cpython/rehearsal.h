/*
 * rehearsal.h - learns how CPython waits for its GIL.  See rehearsal.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_REHEARSAL_H
#define PPY_REHEARSAL_H

/*
 * Have the scheduler take over the GIL of the interpreter that the calling
 * thread, which is attached, runs in; if that is so already, nothing.
 *
 * Returns   NULL, or why it is left as it is: a static string
 */
const char *ppy_rehearse(void);

#endif
