/* SPDX-License-Identifier: MIT */
/* impls.c - what is compared: meson writes the list (impls.inc). */
#include "driver.h"

#define HERE(id) extern const struct impl impl_##id;
#define ABSENT(name, package)
#include "impls.inc"
#undef HERE
#undef ABSENT

const struct impl *const impls[] = {
#define HERE(id) &impl_##id,
#define ABSENT(name, package)
#include "impls.inc"
#undef HERE
#undef ABSENT
    NULL
};

const struct absent absents[] = {
#define HERE(id)
#define ABSENT(name, package) { name, package },
#include "impls.inc"
#undef HERE
#undef ABSENT
    { NULL, NULL }
};

bool impl_serves(const struct impl *impl, const struct command *command)
{
    const char *noun = (const char *)impl + command->noun;

    return *(const void *const *)noun != NULL;
}
