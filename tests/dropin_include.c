/* SPDX-License-Identifier: MIT */
/* The other way to replace the system's conditions: from within. */
#include <pthread.h>

#define PPT_REPLACE_PTHREAD_COND
#include <pyplusthread/pthread.h>

#include "dropin.c"
