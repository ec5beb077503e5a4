/*
 * state.c - the state of the interpreter that a type or an object is of.
 *
 * SPDX-License-Identifier: MIT
 */
#include "state.h"

static struct PyModuleDef *module_def;

void ppy_state_setup(struct PyModuleDef *def)
{
    module_def = def;
}

ppy_state_t *ppy_state(PyTypeObject *type)
{
    return PyModule_GetState(PyType_GetModuleByDef(type, module_def));
}

ppy_state_t *ppy_state_of(PyObject *object)
{
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(object), module_def);

    if (module == NULL)
        PyErr_Clear();
    return module == NULL ? NULL : PyModule_GetState(module);
}
