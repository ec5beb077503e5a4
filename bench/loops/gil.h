/*
 * gil: threads of a small interpreter share one lock.  CPU-bound threads
 * run bytecodes all the time; a producer and a consumer run a few for each
 * item and wait for each other as an interpreter's Condition does, letting
 * go of the interpreter's lock whenever they may block.  An operation is
 * one item handed over; CPU-bound threads count bytecodes.
 */
#include <pyplusthread/cond.h>
#include <pyplusthread/lock.h>

#include "gil_policies.h"

enum {
    WORK_PER_BYTECODE = 24,   /* steps: 20 to 30 ns, as in CPython */
    CHECK_INTERVAL = 100,     /* bytecodes; CPython 2.7's default */
    BYTECODES_PER_ITEM = 20,
    BYTECODES_PER_LOOK = 1000 /* how often a CPU-bound thread may stop */
};

struct interpreter {
    struct gil gil;
    ppt_lock_t lock;
    ppt_cond_t filled;
    ppt_cond_t emptied;
    bool full;                /* guarded by lock */
    bool closed;              /* guarded by lock */
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

static void acquire_lock(struct thread *thread)
{
    ppt_lock_t *lock = &thread->interpreter->lock;

    if (ppt_lock_acquire(lock, PPT_TRY) == 0)
        return;
    detach(thread);
    ppt_lock_acquire(lock, PPT_FOREVER);
    attach(thread);
}

static void wait_for(struct thread *thread, ppt_cond_t *cond)
{
    detach(thread);
    ppt_cond_wait(cond, &thread->interpreter->lock, PPT_FOREVER);
    attach(thread);
}

static void produce(struct thread *thread, struct worker *worker)
{
    struct interpreter *interpreter = thread->interpreter;

    for (uint64_t i = 0; worker_goes_on(worker, i); i++) {
        evaluate(thread, BYTECODES_PER_ITEM);
        acquire_lock(thread);
        while (interpreter->full)
            wait_for(thread, &interpreter->emptied);
        interpreter->full = true;
        ppt_cond_signal(&interpreter->filled);
        ppt_lock_release(&interpreter->lock);
    }
    acquire_lock(thread);
    interpreter->closed = true;
    ppt_cond_signal(&interpreter->filled);
    ppt_lock_release(&interpreter->lock);
}

static void consume(struct thread *thread, struct worker *worker)
{
    struct interpreter *interpreter = thread->interpreter;
    uint64_t i;

    for (i = 0;; i++) {
        acquire_lock(thread);
        while (!interpreter->full && !interpreter->closed)
            wait_for(thread, &interpreter->filled);
        if (!interpreter->full)
            break;
        interpreter->full = false;
        ppt_cond_signal(&interpreter->emptied);
        ppt_lock_release(&interpreter->lock);
        evaluate(thread, BYTECODES_PER_ITEM);
    }
    ppt_lock_release(&interpreter->lock);
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
    ppt_lock_init(&interpreter->lock);
    ppt_cond_init(&interpreter->filled);
    ppt_cond_init(&interpreter->emptied);
    interpreter->hogs_from = 2 * params->pairs;
}

static void gil_destroy(void *state)
{
    struct interpreter *interpreter = state;

    ppt_cond_destroy(&interpreter->emptied);
    ppt_cond_destroy(&interpreter->filled);
    ppt_lock_destroy(&interpreter->lock);
    gil_unmake(&interpreter->gil);
}

static const struct loop gil_loop = {
    sizeof(struct interpreter), gil_init, gil_work, NULL, gil_destroy
};
