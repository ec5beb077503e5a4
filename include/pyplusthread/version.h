/*
 * pyplusthread/version.h - which library this is, and the export mark.
 *
 * Objects   all code that shares an object must use the same copy of the
 *           library: two copies in a process, a static and a shared one say,
 *           may have different ports, and count forks from different times.
 * Growth    sizes and initialisers of the public structs, and what the
 *           functions of one name do, stay the same as long as the soname
 *           does: a struct that must grow brings a new one.  Exported
 *           functions have symbol versions on systems that know them.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#ifndef PYPLUSTHREAD_VERSION_H
#define PYPLUSTHREAD_VERSION_H

/* The version of this header: three numbers, and all of them as a string. */
#define PPT_VERSION_MAJOR 0
#define PPT_VERSION_MINOR 1
#define PPT_VERSION_PATCH 0
#define PPT_VERSION "0.1.0"

/* One comparable number: 0x00MMmmpp, major, minor, patch, a byte each. */
#define PPT_VERSION_NUMBER                                                  \
    (PPT_VERSION_MAJOR << 16 | PPT_VERSION_MINOR << 8 | PPT_VERSION_PATCH)

#if defined(__GNUC__)
#define PPT_API __attribute__((visibility("default")))
#else
#define PPT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of the library that is linked, which may be newer than the
 * header that was compiled against.
 *
 * Returns   a static string such as "0.1.0", equal to that library's
 *           PPT_VERSION
 */
PPT_API const char *ppt_version(void);

/*
 * The port that the library was built with: what it sleeps on.
 *
 * Returns   a static string: "linux" (futex) or "posix" (sem_t)
 */
PPT_API const char *ppt_port(void);

#ifdef __cplusplus
}
#endif

#endif
