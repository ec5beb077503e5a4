/*
 * slots.c - replaces what a loaded object imports.
 *
 * Idea
 *   An object calls the functions of others through slots, which the dynamic
 *   linker fills: one relocation for each, that names the function.  As
 *   memray does for malloc, a slot is overwritten while the program runs.
 *
 * R1  A slot is one pointer, stored atomically: a caller sees the old function
 *     or the new one.
 * R2  The function that was in the slot before is what is called in the end:
 *     another tool may have replaced it, too.  But where the linker binds
 *     lazily, and has not bound the slot yet, it holds code of the object
 *     itself, which would put the original back.  Then the original comes from
 *     dlsym.
 * R3  Slots that the linker has made read-only (RELRO) are made read-only again
 *     afterwards.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "slots.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The two kinds of relocations that fill a slot, on this processor. */
#if defined(__x86_64__)
#define JUMP_SLOT R_X86_64_JUMP_SLOT
#define GLOB_DAT R_X86_64_GLOB_DAT
#elif defined(__aarch64__)
#define JUMP_SLOT R_AARCH64_JUMP_SLOT
#define GLOB_DAT R_AARCH64_GLOB_DAT
#elif defined(__i386__)
#define JUMP_SLOT R_386_JMP_SLOT
#define GLOB_DAT R_386_GLOB_DAT
#elif defined(__arm__)
#define JUMP_SLOT R_ARM_JUMP_SLOT
#define GLOB_DAT R_ARM_GLOB_DAT
#elif defined(__riscv)
#define JUMP_SLOT R_RISCV_JUMP_SLOT
#define GLOB_DAT (__riscv_xlen == 64 ? R_RISCV_64 : R_RISCV_32)
#else
#define JUMP_SLOT (-1)
#define GLOB_DAT (-1)
#endif

#if __SIZEOF_POINTER__ == 8
#define TYPE_OF(info) ((int)ELF64_R_TYPE(info))
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#else
#define TYPE_OF(info) ((int)ELF32_R_TYPE(info))
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#endif

/* What the dynamic section says of an object. */
typedef struct {
    uintptr_t base;
    const ElfW(Phdr) *headers;
    int header_count;
    const ElfW(Sym) *symbols;
    const char *strings;
    struct {
        uintptr_t at;
        size_t size;
        bool has_addends;
    } tables[3];        /* of the PLT, DT_RELA, DT_REL */
} object_t;

typedef struct {
    uintptr_t address;
    object_t object;
    bool found;
} search_t;

static bool is_inside(uintptr_t base, const ElfW(Phdr) *headers, int count,
                      uintptr_t address)
{
    int i;

    for (i = 0; i < count; i++)
        if (headers[i].p_type == PT_LOAD
            && address - base - headers[i].p_vaddr < headers[i].p_memsz)
            return true;
    return false;
}

/* glibc adds the base to the pointers, musl does not. */
static uintptr_t absolute(const object_t *object, uintptr_t pointer)
{
    return pointer < object->base ? object->base + pointer : pointer;
}

static void read_entry(object_t *object, const ElfW(Dyn) *entry)
{
    uintptr_t at = absolute(object, entry->d_un.d_ptr);

    switch (entry->d_tag) {
    case DT_SYMTAB: object->symbols = (const void *)at; break;
    case DT_STRTAB: object->strings = (const void *)at; break;
    case DT_JMPREL: object->tables[0].at = at; break;
    case DT_PLTRELSZ: object->tables[0].size = entry->d_un.d_val; break;
    case DT_PLTREL:
        object->tables[0].has_addends = entry->d_un.d_val == DT_RELA;
        break;
    case DT_RELA: object->tables[1].at = at; break;
    case DT_RELASZ: object->tables[1].size = entry->d_un.d_val; break;
    case DT_REL: object->tables[2].at = at; break;
    case DT_RELSZ: object->tables[2].size = entry->d_un.d_val; break;
    }
}

static bool read_object(object_t *object, const struct dl_phdr_info *info)
{
    const ElfW(Dyn) *entry = NULL;
    int i;

    *object = (object_t){ .base = info->dlpi_addr,
                          .headers = info->dlpi_phdr,
                          .header_count = info->dlpi_phnum };
    object->tables[1].has_addends = true;
    for (i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            entry = (const void *)(info->dlpi_addr
                                   + info->dlpi_phdr[i].p_vaddr);
    for (; entry != NULL && entry->d_tag != DT_NULL; entry++)
        read_entry(object, entry);
    return object->symbols != NULL && object->strings != NULL;
}

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    search_t *search = arg;

    (void)size;
    if (!is_inside(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum,
                   search->address))
        return 0;
    search->found = read_object(&search->object, info);
    return 1;
}

static bool find_object(const void *address, object_t *object)
{
    search_t search = { .address = (uintptr_t)address };

    dl_iterate_phdr(look, &search);
    *object = search.object;
    return search.found;
}

/* Its slots */

typedef bool (*visit_fn)(const object_t *object, void **at, ppy_slot_t *slot,
                         bool restore);

static ppy_slot_t *slot_named(const char *name, ppy_slot_t *slots, int n)
{
    int i;

    for (i = 0; i < n; i++)
        if (strcmp(slots[i].name, name) == 0)
            return &slots[i];
    return NULL;
}

static bool visit_one(const object_t *object, const ElfW(Rel) *entry,
                      ppy_slot_t *slots, int n, visit_fn visit, bool restore)
{
    int type = TYPE_OF(entry->r_info);
    const ElfW(Sym) *symbol = &object->symbols[SYMBOL_OF(entry->r_info)];
    ppy_slot_t *slot;

    if (type != JUMP_SLOT && type != GLOB_DAT)
        return true;
    slot = slot_named(object->strings + symbol->st_name, slots, n);
    return slot == NULL
           || visit(object, (void **)(object->base + entry->r_offset), slot,
                    restore);
}

/* An entry with an addend begins as one without. */
static bool visit_all(const object_t *object, ppy_slot_t *slots, int n,
                      visit_fn visit, bool restore)
{
    size_t table;

    for (table = 0; table < 3; table++) {
        size_t step = object->tables[table].has_addends ? sizeof(ElfW(Rela))
                                                        : sizeof(ElfW(Rel));
        uintptr_t at = object->tables[table].at;
        uintptr_t end = at + object->tables[table].size;

        for (; at != 0 && at + step <= end; at += step)
            if (!visit_one(object, (const void *)at, slots, n, visit,
                           restore))
                return false;
    }
    return true;
}

static void set_original(ppy_slot_t *slot, void *function)
{
    __atomic_store_n(slot->original, function, __ATOMIC_RELEASE);
}

/* R2: what is outside of the object is a function, if it is not ours. */
static bool look_at(const object_t *object, void **at, ppy_slot_t *slot,
                    bool restore)
{
    void *held = __atomic_load_n(at, __ATOMIC_ACQUIRE);

    (void)restore;
    if (held != slot->replacement
        && !is_inside(object->base, object->headers, object->header_count,
                      (uintptr_t)held))
        set_original(slot, held);
    slot->found++;
    return true;
}

static uintptr_t page_of(uintptr_t address)
{
    return address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
}

/* The dynamic linker protects whole pages: a part at the end stays writable. */
static bool is_read_only(const object_t *object, void **at)
{
    int i;

    for (i = 0; i < object->header_count; i++) {
        const ElfW(Phdr) *header = &object->headers[i];
        uintptr_t start = object->base + header->p_vaddr;

        if (header->p_type == PT_GNU_RELRO
            && (uintptr_t)at >= page_of(start)
            && (uintptr_t)at < page_of(start + header->p_memsz))
            return true;
    }
    return false;
}

static bool protect(void **at, int protection)
{
    return mprotect((void *)page_of((uintptr_t)at),
                    (size_t)sysconf(_SC_PAGESIZE), protection) == 0;
}

/* R1, R3 */
static bool store(const object_t *object, void **at, ppy_slot_t *slot,
                  bool restore)
{
    bool read_only = is_read_only(object, at);

    if (read_only && !protect(at, PROT_READ | PROT_WRITE))
        return false;
    __atomic_store_n(at, restore ? *slot->original : slot->replacement,
                     __ATOMIC_RELEASE);
    if (read_only)
        protect(at, PROT_READ);
    return true;
}

const char *ppy_slots_find(const void *address, ppy_slot_t *slots, int n)
{
    object_t object;
    int i;

    if (!find_object(address, &object))
        return "the object that holds the interpreter was not found";
    for (i = 0; i < n; i++) {
        slots[i].found = 0;
        set_original(&slots[i], dlsym(RTLD_DEFAULT, slots[i].name)); /* R2 */
    }
    visit_all(&object, slots, n, look_at, false);
    for (i = 0; i < n; i++)
        if (slots[i].found == 0 || *slots[i].original == NULL)
            return "the interpreter does not import the functions that it "
                   "waits for the GIL with";
    return NULL;
}

const char *ppy_slots_replace(const void *address, ppy_slot_t *slots, int n)
{
    object_t object;

    if (find_object(address, &object)
        && visit_all(&object, slots, n, store, false))
        return NULL;
    ppy_slots_restore(address, slots, n);
    return "the interpreter's imports cannot be written to";
}

void ppy_slots_restore(const void *address, ppy_slot_t *slots, int n)
{
    object_t object;

    if (find_object(address, &object))
        visit_all(&object, slots, n, store, true);
}
