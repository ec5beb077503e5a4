/*
 * docs.c - docstrings, which are those of the running Python's threading.
 *
 * The tables of the types hold signatures only.  The text is added before
 * the first interpreter makes the types, and stays for the process.
 *
 * SPDX-License-Identifier: MIT
 */
#include "docs.h"

#include <string.h>

/* The docstring of object, NULL without an exception if it has none. */
static PyObject *docstring(PyObject *object)
{
    PyObject *doc = PyObject_GetAttrString(object, "__doc__");

    if (doc != NULL && PyUnicode_Check(doc))
        return doc;
    Py_XDECREF(doc);
    PyErr_Clear();
    return NULL;
}

/* signature, which may be NULL, and the docstring of object. */
static const char *with_doc(const char *signature, PyObject *object)
{
    PyObject *doc = docstring(object);
    const char *text = doc == NULL ? NULL : PyUnicode_AsUTF8(doc);
    const char *before = signature == NULL ? "" : signature;
    char *both = NULL;

    if (text != NULL)
        both = PyMem_RawMalloc(strlen(before) + strlen(text) + 1);
    if (both != NULL)
        strcat(strcpy(both, before), text);
    Py_XDECREF(doc);
    PyErr_Clear();
    return both == NULL ? signature : both;
}

static const char *with_doc_of(const char *signature, PyObject *stock,
                               const char *name)
{
    PyObject *attribute = PyObject_GetAttrString(stock, name);
    const char *result = signature;

    if (attribute != NULL)
        result = with_doc(signature, attribute);
    Py_XDECREF(attribute);
    PyErr_Clear();
    return result;
}

static void fill(PyType_Slot *slot, PyObject *stock)
{
    PyMethodDef *method = slot->pfunc;
    PyGetSetDef *getset = slot->pfunc;

    switch (slot->slot) {
    case Py_tp_doc:
        slot->pfunc = (void *)with_doc(slot->pfunc, stock);
        break;
    case Py_tp_methods:
        for (; method->ml_name != NULL; method++)
            method->ml_doc = with_doc_of(method->ml_doc, stock,
                                         method->ml_name);
        break;
    case Py_tp_getset:
        for (; getset->name != NULL; getset++)
            if (getset->name[0] != '_')
                getset->doc = with_doc_of(NULL, stock, getset->name);
        break;
    }
}

void ppy_take_docs(PyType_Spec *spec, PyObject *stock)
{
    PyType_Slot *slot;

    for (slot = spec->slots; slot->slot != 0; slot++)
        fill(slot, stock);
}
