/*
 * capi.h - the C API.  See capi.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_CAPI_H
#define PPY_CAPI_H

#include "base/compat.h"

/* Add the capsule to the module. */
int ppy_add_capi(PyObject *module);

#endif
