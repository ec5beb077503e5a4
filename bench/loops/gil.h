/*
 * gil: threads of a small interpreter share one lock.  CPU-bound threads
 * run bytecodes all the time; a producer and a consumer run a few for each
 * item and wait for each other as an interpreter's Condition does, letting
 * go of the interpreter's lock whenever they may block.  Policy ppt blocks in
 * this library, the others in the system's mutex and condition variable, as
 * those interpreters do.  An operation is one item handed over; CPU-bound
 * threads count bytecodes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "gil_slots.h"
#include "gil_policies.h"

enum {
    WORK_PER_BYTECODE = 24,   /* steps: 20 to 30 ns, as in CPython */
    CHECK_INTERVAL = 100,     /* bytecodes; CPython 2.7's default */
    BYTECODES_PER_ITEM = 20,
    BYTECODES_PER_LOOK = 1000 /* how often a CPU-bound thread may stop */
};

struct interpreter {
    struct gil gil;
    struct slot slot;
    unsigned hogs_from;       /* workers from this index on are CPU-bound */
};

/* One thread of the interpreter: an accumulator and two variables. */
struct thread {
    struct interpreter *interpreter;
    uint64_t accumulator;
    uint64_t variables[2];
    unsigned counter;
    unsigned ticks;           /* bytecodes until the next check */
};

struct bytecode {
    enum { LOAD, ADD, STORE, JUMP } op;
    unsigned arg;
};

/* x += y, for ever. */
static const struct bytecode program[] = {
    { LOAD, 0 }, { ADD, 1 }, { STORE, 0 }, { JUMP, 0 }
};

static void interpret(struct thread *thread)
{
    const struct bytecode *code = &program[thread->counter++];

    switch (code->op) {
    case LOAD:
        thread->accumulator = thread->variables[code->arg];
        break;
    case ADD:
        thread->accumulator += thread->variables[code->arg];
        break;
    case STORE:
        thread->variables[code->arg] = thread->accumulator;
        break;
    case JUMP:
        thread->counter = code->arg;
        break;
    }
    thread->variables[1] = do_work(thread->variables[1], WORK_PER_BYTECODE);
}

/* Run so many bytecodes; the thread holds the gil. */
static void evaluate(struct thread *thread, unsigned bytecodes)
{
    struct gil *gil = &thread->interpreter->gil;

    while (bytecodes-- > 0) {
        interpret(thread);
        if (--thread->ticks == 0) {
            thread->ticks = CHECK_INTERVAL;
            gil->policy->check(gil, thread);
        }
    }
}

static void attach(struct thread *thread)
{
    struct gil *gil = &thread->interpreter->gil;

    gil->policy->acquire(gil, thread);
}

static void detach(struct thread *thread)
{
    struct gil *gil = &thread->interpreter->gil;

    gil->policy->release(gil);
}

static void lock_slot(struct thread *thread)
{
    struct slot *slot = &thread->interpreter->slot;

    if (slot->kind->try_lock(slot))
        return;
    detach(thread);
    slot->kind->lock(slot);
    attach(thread);
}

static void wait_for(struct thread *thread, enum slot_event event)
{
    struct slot *slot = &thread->interpreter->slot;

    detach(thread);
    slot->kind->wait(slot, event);
    attach(thread);
}

static void signal_and_unlock(struct slot *slot, enum slot_event event)
{
    slot->kind->signal(slot, event);
    slot->kind->unlock(slot);
}

static void produce(struct thread *thread, struct worker *worker)
{
    struct slot *slot = &thread->interpreter->slot;

    for (uint64_t i = 0; worker_goes_on(worker, i); i++) {
        evaluate(thread, BYTECODES_PER_ITEM);
        lock_slot(thread);
        while (slot->full)
            wait_for(thread, EMPTIED);
        slot->full = true;
        signal_and_unlock(slot, FILLED);
    }
    lock_slot(thread);
    slot->closed = true;
    signal_and_unlock(slot, FILLED);
}

static void consume(struct thread *thread, struct worker *worker)
{
    struct slot *slot = &thread->interpreter->slot;
    uint64_t i;

    for (i = 0;; i++) {
        lock_slot(thread);
        while (!slot->full && !slot->closed)
            wait_for(thread, FILLED);
        if (!slot->full)
            break;
        slot->full = false;
        signal_and_unlock(slot, EMPTIED);
        evaluate(thread, BYTECODES_PER_ITEM);
    }
    slot->kind->unlock(slot);
    worker->done = i;
}

static void burn(struct thread *thread, struct worker *worker)
{
    uint64_t i = 0;

    for (; worker_goes_on(worker, i); i += BYTECODES_PER_LOOK)
        evaluate(thread, BYTECODES_PER_LOOK);
    worker->done = i;
}

static void gil_work(void *state, struct worker *worker)
{
    struct thread thread = {
        .interpreter = state,
        .variables = { 0, 1 },
        .ticks = CHECK_INTERVAL
    };

    attach(&thread);
    if (worker->index >= thread.interpreter->hogs_from)
        burn(&thread, worker);
    else if (worker->index == 0)
        produce(&thread, worker);
    else
        consume(&thread, worker);
    detach(&thread);
}

static void gil_init(void *state, const struct params *params)
{
    struct interpreter *interpreter = state;

    gil_make(&interpreter->gil, params->policy);
    slot_make(&interpreter->slot, interpreter->gil.policy->slot_kind);
    interpreter->hogs_from = 2 * params->pairs;
}

static void gil_destroy(void *state)
{
    struct interpreter *interpreter = state;

    slot_unmake(&interpreter->slot);
    gil_unmake(&interpreter->gil);
}

static const struct loop gil_loop = {
    sizeof(struct interpreter), gil_init, gil_work, NULL, gil_destroy
};
