/*
 * state.c - the state of the interpreter that a type or an object is of.
 *
 * SPDX-License-Identifier: MIT
 */
#include "state.h"

static struct PyModuleDef *module_def; /* atomic: each import sets it */

void ppy_state_setup(struct PyModuleDef *def)
{
    __atomic_store_n(&module_def, def, __ATOMIC_RELEASE);
}

static struct PyModuleDef *the_def(void)
{
    return __atomic_load_n(&module_def, __ATOMIC_ACQUIRE);
}

ppy_state_t *ppy_state(PyTypeObject *type)
{
    return PyModule_GetState(PyType_GetModuleByDef(type, the_def()));
}

ppy_state_t *ppy_state_of(PyObject *object)
{
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(object), the_def());

    if (module == NULL)
        PyErr_Clear();
    return module == NULL ? NULL : PyModule_GetState(module);
}
