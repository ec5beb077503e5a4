/* CPUs, as far as POSIX knows them: how many, not which. */
#include <unistd.h>

#include "../port.h"

int ppt__cpu_count(void)
{
    static int count; /* written with the same value by all */
    int known = __atomic_load_n(&count, __ATOMIC_RELAXED);

    if (known == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);

        known = online > 0 ? (int)online : 1;
        __atomic_store_n(&count, known, __ATOMIC_RELAXED);
    }
    return known;
}

int ppt__cpu(void)
{
    return -1;
}
