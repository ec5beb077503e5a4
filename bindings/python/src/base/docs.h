/*
 * docs.h - threading's docstrings.  See docs.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_DOCS_H
#define PPY_DOCS_H

#include "compat.h"

/* Add the docstrings of the class stock to those of spec. */
void ppy_take_docs(PyType_Spec *spec, PyObject *stock);

#endif
