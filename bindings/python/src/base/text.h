/*
 * text.h - texts in fields of a fixed size.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_TEXT_H
#define PPY_TEXT_H

#include <stddef.h>
#include <string.h>

/*
 * Copy text, which is UTF-8, to a field of that size.  What is too long for it
 * is cut between two characters, so that the field is UTF-8, too.
 */
static inline void ppy_text_copy(char *field, size_t size, const char *text)
{
    size_t length = strlen(text);

    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    memcpy(field, text, length);
    field[length] = 0;
}

#endif
