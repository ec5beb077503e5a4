/*
 * core.h - what the files of the extension share.
 *
 * Each type of threading is a file: lock, rlock, cond, semaphore, event,
 * barrier; and so are those of queue: simple_queue, queue.  They wait through wait.c, which lets go of the interpreter, and
 * read their arguments through args.c.  The waiting itself is the library's.
 *
 * Free threading: nothing here is guarded by the GIL.  What an object owns
 * is either set once, before it is shared, or guarded by its ppt_lock_t, or
 * atomic.
 */
#ifndef PPY_CORE_H
#define PPY_CORE_H

#include "compat.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <pyplusthread/barrier.h>
#include <pyplusthread/cond.h>
#include <pyplusthread/lock.h>
#include <pyplusthread/time.h>

#include "word.h" /* of the library's sources */

/* --- overrides.c --------------------------------------------------------- */

#define PPY_WATCHED 12

/* The names of a type that others may override, and what it has there. */
typedef struct {
    PyObject *names[PPY_WATCHED];       /* the rest is NULL */
    PyObject *originals[PPY_WATCHED];
    uint64_t seen;                      /* atomic: overrides.c */
} ppy_watch_t;

int ppy_watch_setup(ppy_watch_t *watch, PyTypeObject *type,
                    const char *const *names);
int ppy_watch_traverse(ppy_watch_t *watch, visitproc visit, void *arg);
void ppy_watch_clear(ppy_watch_t *watch);

/*
 * Whether the class of the object overrides none of the names.  What was
 * seen, by the object or the watch itself, makes the next answer cheap.
 */
bool ppy_class_is_plain(PyObject *object, ppy_watch_t *watch, uint64_t *seen);

/*
 * Whether it overrides the name at i; and whether the object has an attribute
 * of its own under one of the names from first to before last.
 *
 * Returns   1, 0, or -1 with an exception set
 */
int ppy_class_overrides(PyObject *object, const ppy_watch_t *watch, int i);
int ppy_object_overrides(PyObject *object, const ppy_watch_t *watch,
                         int first, int last);

/* What there is to see of a plain class; 0: it has no version now. */
static inline uint64_t ppy_plain_version(PyObject *object)
{
    return (uint64_t)__atomic_load_n(&Py_TYPE(object)->tp_version_tag,
                                     __ATOMIC_RELAXED) << 1;
}

/*
 * Whether nobody overrides any of the names: neither the class, nor the
 * object's attributes, of which it has none.
 */
static inline bool ppy_is_plain(PyObject *object, PyObject *const *dict,
                                ppy_watch_t *watch, uint64_t *seen)
{
    uint64_t version = ppy_plain_version(object);

    if (__atomic_load_n(dict, __ATOMIC_RELAXED) != NULL)
        return false;
    return (version != 0
            && version == __atomic_load_n(seen, __ATOMIC_RELAXED))
           || ppy_class_is_plain(object, watch, seen);
}

/* One per interpreter. */
typedef struct {
    PyTypeObject *lock_type;
    PyTypeObject *rlock_type;
    PyTypeObject *condition_type;
    PyTypeObject *semaphore_type;
    PyTypeObject *bounded_semaphore_type;
    PyTypeObject *event_type;
    PyTypeObject *barrier_type;
    PyTypeObject *simple_queue_type;
    PyTypeObject *queue_type;
    PyTypeObject *lifo_queue_type;
    PyTypeObject *priority_queue_type;
    ppy_watch_t condition_watch;
    ppy_watch_t semaphore_watch;
    ppy_watch_t barrier_watch;
    ppy_watch_t queue_watch;
    ppy_watch_t lifo_queue_watch;
    ppy_watch_t priority_queue_watch;
    PyObject *stock_semaphore;  /* threading's own classes */
    PyObject *stock_bounded_semaphore;
    PyObject *stock_event;
    PyObject *stock_barrier;
    PyObject *stock_lock;       /* the classes of threading's locks; NULL if */
    PyObject *stock_rlock;      /* somebody has replaced them before */
    PyObject *broken_barrier;   /* threading.BrokenBarrierError */
    PyObject *stock_queue;      /* of the module queue */
    PyObject *stock_lifo_queue;
    PyObject *stock_priority_queue;
    PyObject *empty;            /* its exceptions */
    PyObject *full;
    PyObject *shut_down;        /* NULL where it has none */
    PyObject *deque;            /* what its classes keep items in, and with */
    PyObject *deque_append;
    PyObject *deque_popleft;
    PyObject *list_pop;
    PyObject *heappush;
    PyObject *heappop;
    const char *gil_trouble;    /* why its GIL is left as it is, or NULL */
    PyObject *nothing;          /* a function in Python: wait.c */
} ppy_state_t;

/* The state of the interpreter whose type, or base of a type, type is. */
ppy_state_t *ppy_state(PyTypeObject *type);

/* The same for an object; NULL if its type is not one of ours. */
ppy_state_t *ppy_state_of(PyObject *object);

/*
 * __class__ of a Lock or an RLock: the class of threading's, where programs
 * ask whether a lock is one of C.  type() tells them apart.
 */
#define PPY_CLASS { "__class__", ppy_class, ppy_set_class, NULL, NULL }
PyObject *ppy_class(PyObject *object, void *nothing);
int ppy_set_class(PyObject *object, PyObject *value, void *nothing);

/*
 * "<module.type at address: detail>", as threading's look.  Takes over the
 * reference to detail; if that is NULL, returns NULL.
 */
PyObject *ppy_repr(PyObject *object, PyObject *detail);

/* PyBool_FromLong, inline. */
static inline PyObject *ppy_bool(bool value)
{
    if (value)
        Py_RETURN_TRUE;
    Py_RETURN_FALSE;
}

/* --- args.c ------------------------------------------------------------ */

/*
 * Sort the arguments of a vectorcall into values, one for each of names
 * (ended by NULL); NULL where not given.
 *
 * Returns   0, or -1 with a TypeError set
 */
int ppy_args(const char *function, const char *const *names,
             PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
             PyObject **values);

/* The same for the arguments of __init__ and __new__. */
int ppy_args_tuple(const char *function, const char *const *names,
                   PyObject *args, PyObject *kwargs, PyObject **values);

/* What ppy_acquire_args does with other arguments than True and False. */
int ppy_read_acquire_args(PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames, int64_t *timeout);

/*
 * The timeout of Lock.acquire(blocking=True, timeout=-1), for ppy_acquire.
 *
 * Returns   0
 *           -1  TypeError; ValueError: negative, NaN, or not blocking;
 *               OverflowError: above threading.TIMEOUT_MAX
 */
static inline int ppy_acquire_args(PyObject *const *args, Py_ssize_t nargs,
                                   PyObject *kwnames, int64_t *timeout)
{
    if (kwnames == NULL && (nargs == 0 || (nargs == 1 && args[0] == Py_True)))
        *timeout = PPT_FOREVER;
    else if (kwnames == NULL && nargs == 1 && args[0] == Py_False)
        *timeout = PPT_TRY;
    else
        return ppy_read_acquire_args(args, nargs, kwnames, timeout);
    return 0;
}

/*
 * The deadline of a timeout in seconds, as wait() takes it: None or NULL is
 * for ever; 0, negative ones and NaN do not wait.
 *
 * Returns   0, or -1 with a TypeError or OverflowError set
 */
int ppy_deadline(PyObject *timeout, int64_t *deadline);

/* The same for a condition or an event, which may refuse NaN. */
int ppy_wait_deadline(PyObject *timeout, int64_t *deadline);

/*
 * The same for get of a SimpleQueue, where a negative timeout is a ValueError,
 * and so is NaN.
 */
int ppy_queue_deadline(PyObject *timeout, int64_t *deadline);

/* --- wait.c ------------------------------------------------------------ */

/* One wait of one thread. */
typedef struct ppy_wait {
    PyThreadState *thread;      /* while detached */
    bool runs_handlers;         /* of signals: the main thread */
    bool keep_on;               /* waiting, whatever handlers raise */
    PyObject *raised;           /* by a handler; owned */
} ppy_wait_t;

/* Before a wait. */
void ppy_wait_begin(ppy_wait_t *wait);

/* Let go of the interpreter. */
void ppy_detach(ppy_wait_t *wait);

/* Be back.  Does not return if the interpreter is shutting down. */
void ppy_attach(ppy_wait_t *wait);

/*
 * By the main thread, before it sleeps: run the handlers of signals that came
 * while it was attached.  Others have nothing to run.
 *
 * Returns   0, or -1 with an exception set
 */
int ppy_run_handlers(void);

/* A ppt_interrupt_fn; arg is the ppy_wait_t, which keeps exceptions. */
int ppy_on_interrupt(void *arg);

/*
 * Before a thread waits again that was woken in vain: run the handlers of
 * signals, raise what PyThreadState_SetAsyncExc has left, and whatever else
 * CPython does between the instructions of a loop in Python.
 *
 * Returns   0, or -1 with an exception set
 */
int ppy_run_pending(const ppy_state_t *state);

/* Make the function that is for that.  NULL with an exception set. */
PyObject *ppy_make_nothing(void);

/* Set the exception that wait has kept; returns whether there was one. */
bool ppy_raise(ppy_wait_t *wait);

/*
 * Set the exception earlier; or, if a later one is set, make it that one's
 * context.  Takes over the reference.
 */
void ppy_raise_before(PyObject *earlier);

/* All bits but those of a plain hold that nobody is queued for. */
#define PPY_NOT_PLAIN (~(uint32_t)(PPT__HELD | PPT__TURN | PPT__OWN))

/* What ppy_acquire does where it has to wait, or has to look twice. */
int ppy_acquire_held(ppt_lock_t *lock, int64_t timeout);

/*
 * Take lock, detached if it is held.  The timeout is in nanoseconds, PPT_TRY or
 * PPT_FOREVER.  A lock that is free costs no call and no look at the clock.
 *
 * Returns   0, EBUSY, ETIMEDOUT
 *           -1  with an exception set: a handler's, or see ppy_may_wait; lock
 *               was not taken
 */
static inline int ppy_acquire(ppt_lock_t *lock, int64_t timeout)
{
    if (ppt__word_take(&lock->word, PPT__HELD, 0, 0))
        return 0;
    return timeout == PPT_TRY
                   && !(ppt__word_load(&lock->word) & PPY_NOT_PLAIN)
               ? EBUSY
               : ppy_acquire_held(lock, timeout);
}

/* ppt_lock_locked, inline. */
static inline bool ppy_locked(const ppt_lock_t *lock)
{
    uint32_t word = ppt__word_load(&lock->word);

    return word & PPY_NOT_PLAIN ? ppt_lock_locked(lock) : word & PPT__HELD;
}

/*
 * Take lock, however long it takes.  What handlers raise meanwhile is set
 * when lock has been taken.
 *
 * Returns   0, or -1 with an exception set; lock was taken in both cases
 */
int ppy_acquire_whatever(ppt_lock_t *lock);

/* Wake the first that waits for cond, by a thread that is attached. */
void ppy_wake_one(ppt_cond_t *cond);

/* Called by each import. */
int ppy_wait_setup(PyObject *threading);

/* --- main_thread.c, see also compat.h ----------------------------------- */

/* In the child of a fork, whose one thread calls this. */
void ppy_main_thread_is_this(void);

int ppy_main_thread_setup(PyObject *threading);

/* --- module.c ---------------------------------------------------------- */

/* In the child of a fork that another interpreter's import was caught by. */
void ppy_module_after_fork(void);

/* What ppy_release does where threads are queued for lock, or it is free. */
int ppy_release_queued(ppt_lock_t *lock);

/* ppt_lock_release by a thread that is attached. */
static inline int ppy_release(ppt_lock_t *lock)
{
    return ppt__word_free(&lock->word, PPY_NOT_PLAIN)
               ? 0
               : ppy_release_queued(lock);
}

/* --- place.c ----------------------------------------------------------- */

/*
 * A place in the queue of a condition: of the ppt_cond_t inside a
 * ppy_condition_t.
 */
typedef struct {
    ppy_wait_t wait;
    ppt_waiter_t waiter;
    struct ppy_condition *condition;
    unsigned broadcasts;        /* of condition, when the place was taken */
} ppy_place_t;

/* Take a place: from here on a notify may choose it. */
void ppy_enqueue(ppy_place_t *place, struct ppy_condition *condition);

/*
 * Leave it.  A notify that had chosen it is passed on to the next, unless it
 * was for all who waited then.
 */
void ppy_give_up(ppy_place_t *place);

/*
 * Sleep, detached, until notified or until deadline.  The place is left.
 *
 * Returns   1   notified
 *           0   timed out
 *           -1  with an exception set: a handler's, or see ppy_may_wait; the
 *               place was given up
 */
int ppy_sleep(ppy_place_t *place, int64_t deadline);

/*
 * The whole wait of a thread that runs no handlers: let go of lock, which is
 * held, once detached, and sleep.  A notify wakes it no earlier than lock is
 * released.  The lock is not held on return.
 *
 * Returns   1 or 0, as ppy_sleep
 *           -1  with a RuntimeError set: lock was not held any more
 */
int ppy_wait_with(ppy_place_t *place, struct ppy_condition *condition,
                  ppt_lock_t *lock, int64_t deadline);

/*
 * The whole wait of a thread that takes lock, which is held, again by itself
 * when it is attached.  Unlike in the wait above no thread that is detached
 * holds it, for which others would let go of the GIL; and who notifies is to
 * do so without it.
 *
 * Returns   as ppy_sleep; lock is not held
 */
int ppy_wait_apart(struct ppy_condition *condition, ppt_lock_t *lock,
                   int64_t deadline);

/* Pass on a notify to the next, of the one whose place was left. */
void ppy_pass_on(const ppy_place_t *place);

/* Notify n who wait, or all.  By any thread.  Returns how many. */
int ppy_notify(struct ppy_condition *condition, int n);
int ppy_broadcast(struct ppy_condition *condition);

/* --- lock.c, rlock.c --------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    ppt_lock_t lock;
    PyObject *weakrefs;
} ppy_lock_t;

typedef struct {
    PyObject_HEAD
    ppt_lock_t lock;
    unsigned long owner;    /* atomic; written by the holder of lock */
    unsigned long count;    /* the same */
    PyObject *weakrefs;
} ppy_rlock_t;

PyObject *ppy_lock_new(PyTypeObject *type);
PyObject *ppy_rlock_new(PyTypeObject *type);

int ppy_rlock_release(ppy_rlock_t *self);
int ppy_rlock_acquire(ppy_rlock_t *self, int64_t timeout);
bool ppy_rlock_owned(const ppy_rlock_t *self);

/* Held, but by nobody; returns how often it was. */
unsigned long ppy_rlock_disown(ppy_rlock_t *self);

/* The same, and let it go. */
unsigned long ppy_rlock_save(ppy_rlock_t *self);
int ppy_rlock_restore(ppy_rlock_t *self, unsigned long count);

/* Set the exception of a release that is not due; returns -1. */
int ppy_not_locked(void);

/* --- cond.c, kinds.c ---------------------------------------------------- */

/* What a lock wants to know again when it is taken after a wait. */
typedef union {
    unsigned long count;
    PyObject *state;
} ppy_saved_t;

/*
 * What a condition does to its lock.  The functions return 0 or more, or -1
 * with an exception set.
 */
typedef struct {
    PyObject *(*enter)(PyObject *lock);
    PyObject *(*leave)(PyObject *lock, PyObject *const *args,
                       Py_ssize_t nargs);
    int (*owned)(PyObject *lock);
    int (*save)(PyObject *lock, ppy_saved_t *saved);
    int (*restore)(PyObject *lock, ppy_saved_t *saved);

    /* The lock inside, held, but by nobody; NULL for a lock not of ours. */
    ppt_lock_t *(*disown)(PyObject *lock, ppy_saved_t *saved);
} ppy_kind_t;

typedef struct ppy_condition {
    PyObject_HEAD
    ppy_state_t *state;
    ppt_cond_t cond;
    unsigned broadcasts;        /* atomic */
    PyObject *lock;             /* atomic; NULL before __init__ */
    PyObject *former;           /* list of locks that lock has replaced */
    bool is_part;               /* of an Event or a Semaphore: lock stays */
    uint64_t seen;              /* atomic; see ppy_is_plain */
    PyObject *dict;
    PyObject *weakrefs;
} ppy_condition_t;

/* The names of the state's condition_watch, as far as cond.c tells apart. */
enum { PPY_IS_OWNED, PPY_RELEASE_SAVE, PPY_ACQUIRE_RESTORE, PPY_LOCK_NAMES };

extern const char *const ppy_condition_names[];

/* Whether nobody overrides a method of the condition. */
static inline bool ppy_condition_is_plain(ppy_condition_t *self)
{
    return ppy_is_plain((PyObject *)self, &self->dict,
                        &self->state->condition_watch, &self->seen);
}

extern const char *const ppy_semaphore_names[];
extern const char *const ppy_barrier_names[];
extern const char *const ppy_queue_names[];

extern const ppy_kind_t ppy_kind_lock;
extern const ppy_kind_t ppy_kind_rlock;
extern const ppy_kind_t ppy_kind_other;

/* A condition with a new Lock of its own, as Event and Semaphore use. */
PyObject *ppy_condition_new(ppy_state_t *state);

/* The same, with that Lock; as a Queue uses. */
PyObject *ppy_condition_with(ppy_state_t *state, PyObject *lock);

/* The lock of such a condition. */
static inline ppt_lock_t *ppy_own_lock(PyObject *condition)
{
    ppy_condition_t *self = (ppy_condition_t *)condition;
    PyObject *lock = __atomic_load_n(&self->lock, __ATOMIC_ACQUIRE);

    return &((ppy_lock_t *)lock)->lock;
}

/*
 * Wait for condition, whose lock is one of its own and held, and take that
 * lock again.
 *
 * Returns   as ppy_sleep; the lock is held whatever it returns
 */
int ppy_own_wait(PyObject *condition, int64_t deadline);

/* The text after the name of a method without arguments. */
#define PPY_NOTHING "($self, /)\n--\n\n"

/* Kept out of line, for the sake of the short path that calls it. */
#define PPY_SLOW __attribute__((noinline))

/* A method of another kind than METH_NOARGS or METH_O. */
#define PPY_METHOD(function) ((PyCFunction)(void (*)(void))(function))

/* --- the types --------------------------------------------------------- */

extern PyType_Spec ppy_lock_spec;
extern PyType_Spec ppy_rlock_spec;
extern PyType_Spec ppy_condition_spec;
extern PyType_Spec ppy_semaphore_spec;
extern PyType_Spec ppy_bounded_semaphore_spec;
extern PyType_Spec ppy_event_spec;
extern PyType_Spec ppy_barrier_spec;
extern PyType_Spec ppy_simple_queue_spec;
extern PyType_Spec ppy_queue_spec;
extern PyType_Spec ppy_lifo_queue_spec;
extern PyType_Spec ppy_priority_queue_spec;

/* --- stock.c ----------------------------------------------------------- */

/* The attribute of the class stock of threading, bound to object. */
PyObject *ppy_stock_get(PyObject *object, PyObject *stock, const char *name);

/* Call that method of it. */
PyObject *ppy_stock_call(PyObject *object, PyObject *stock, const char *name,
                         PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames);

/*
 * An Event or a Semaphore has a condition of its own, for good, and may be
 * given another one, which is NULL otherwise: its _cond.
 */
PyObject *ppy_get_condition(PyObject *object, PyObject *condition,
                            PyObject *const *other);
int ppy_set_condition(PyObject *object, PyObject *condition, PyObject **other,
                      PyObject *value);

/*
 * For copy and pickle: __getstate__ of the attributes whose names are in a
 * string, and __reduce_ex__.
 */
PyObject *ppy_getstate(PyObject *object, const char *names);
PyObject *ppy_reduce_ex(PyObject *object, PyObject *protocol);

/* The two, in a table of methods. */
#define PPY_PICKLED                                                         \
    { "__getstate__", getstate, METH_NOARGS, "__getstate__" PPY_NOTHING },  \
    { "__reduce_ex__", ppy_reduce_ex, METH_O,                               \
      "__reduce_ex__($self, protocol, /)\n--\n\n" }

/* Whether the condition is its own, and nobody overrides its methods. */
static inline bool ppy_is_native(PyObject *condition, PyObject *const *other)
{
    return __atomic_load_n(other, __ATOMIC_RELAXED) == NULL
           && ppy_condition_is_plain((ppy_condition_t *)condition);
}

/* --- docs.c ------------------------------------------------------------ */

/* Add the docstrings of the class stock to those of spec. */
void ppy_take_docs(PyType_Spec *spec, PyObject *stock);

/* --- event.c, semaphore.c, for capi.c ---------------------------------- */

/* The condition that it is built on; borrowed. */
PyObject *ppy_event_condition(PyObject *event);
PyObject *ppy_semaphore_condition(PyObject *semaphore);

/*
 * With the lock of that condition held; no thread state is needed.  put adds
 * n, at least 1, and returns 0, or ERANGE if that went past the bound.
 */
void ppy_event_change(PyObject *event, bool flag);
int ppy_semaphore_put(PyObject *semaphore, Py_ssize_t n);

/* Without it. */
bool ppy_event_is_set(PyObject *event);

/* --- capi.c ------------------------------------------------------------ */

/* Add the capsule to the module. */
int ppy_add_capi(PyObject *module);

#endif
