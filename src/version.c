/* SPDX-License-Identifier: MIT */
/* Which library this is: version.h has the contract. */
#include "pyplusthread/version.h"

#include "port/port.h"

const char *ppt_version(void)
{
    return PPT_VERSION;
}

const char *ppt_port(void)
{
    return ppt__port_name();
}
