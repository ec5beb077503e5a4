/* A header that C and assembler share may include <pthread.h> for C. */
#ifndef __ASSEMBLER__
#include <pthread.h>
#endif
        .text
        .globl  nothing
nothing:
        .section .note.GNU-stack, ""
