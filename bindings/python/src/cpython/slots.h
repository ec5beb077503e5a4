/*
 * slots.h - the import slots of an object that the dynamic linker has loaded:
 * through which it calls the functions of others.  See slots.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_SLOTS_H
#define PPY_SLOTS_H

/* A function that an object imports, and what it shall call in its place. */
typedef struct ppy_slot {
    const char *name;
    void *replacement;
    void **original;    /* set to what it calls now */
    int found;          /* how many slots of this name there are */
} ppy_slot_t;

/*
 * Find the slots of the object in whose text address is, and the originals of
 * the functions; store nothing yet.
 *
 * Returns   NULL, or why it cannot be done: a static string
 */
const char *ppy_slots_find(const void *address, ppy_slot_t *slots, int n);

/*
 * Have the object call the replacements; or, again, the originals.  Takes
 * effect at each caller's next call.
 *
 * Returns   NULL, or why not: then nothing has changed
 */
const char *ppy_slots_replace(const void *address, ppy_slot_t *slots, int n);
void ppy_slots_restore(const void *address, ppy_slot_t *slots, int n);

#endif
