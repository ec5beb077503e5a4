/*
 * pyplusthread/time.h - deadlines.
 *
 * A call that blocks takes a deadline: a point in time on the monotonic
 * clock, in nanoseconds.  A deadline, unlike a duration, survives a retry.
 * Without one are only ppt_once_run and ppt_gil_yield.
 *
 *     int64_t in_50_ms = ppt_deadline(50 * 1000 * 1000);
 *     while (!ready && r == 0)
 *         r = ppt_cond_wait(&cond, &lock, in_50_ms);
 *
 * Range     0 (PPT_TRY) to INT64_MAX (PPT_FOREVER).  A negative deadline
 *           is refused with EINVAL and changes nothing.
 * Promise   ETIMEDOUT is never returned before the deadline has passed.
 *           How long after is up to the scheduler.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_TIME_H
#define PYPLUSTHREAD_TIME_H

#include <stdint.h>

#include "version.h"

/* Do not wait at all. */
#define PPT_TRY INT64_C(0)

/* Wait without limit. */
#define PPT_FOREVER INT64_MAX

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Now, in nanoseconds, on the monotonic clock that deadlines are read on
 * (CLOCK_MONOTONIC where POSIX has it).  Always positive.
 */
PPT_API int64_t ppt_now(void);

/*
 * The deadline that lies timeout nanoseconds ahead.
 *
 * Returns   now + timeout, or PPT_FOREVER where that would overflow;
 *           PPT_TRY where timeout is 0;
 *           a negative number where timeout is negative, so that the call
 *           it is handed to answers EINVAL
 */
PPT_API int64_t ppt_deadline(int64_t timeout);

#ifdef __cplusplus
}
#endif

#endif
