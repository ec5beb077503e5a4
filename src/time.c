/* SPDX-License-Identifier: MIT */
/* Deadlines: time.h has the contract. */
#include "pyplusthread/time.h"

#include "port/port.h"

int64_t ppt_now(void)
{
    return ppt__now();
}

int64_t ppt_deadline(int64_t timeout)
{
    int64_t now;

    if (timeout <= 0)
        return timeout < 0 ? -1 : PPT_TRY;
    now = ppt__now();
    return timeout < PPT_FOREVER - now ? now + timeout : PPT_FOREVER;
}
