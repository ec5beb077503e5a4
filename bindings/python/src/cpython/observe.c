/*
 * observe.c - who holds a GIL and who waits for it, exactly.
 *
 * Idea
 *   Nothing is sampled.  Each event of a GIL has one time, read from the clock
 *   with the GIL's mutex held.  What a thread does alone is written to its own
 *   record only, so that threads which hand the GIL to and fro do not pass
 *   another cache line along with it.  What they share is touched while
 *   somebody waits.
 *
 * State
 *   ppy_observing  how many GILs are observed; atomic
 *   a link's detained_until  is its thread's own
 *   the rest is guarded by the GIL's mutex, but see records.c
 *
 * Invariants
 *   O1  A GIL is observed as long as somebody asks for it; several may, since
 *       interpreters may share it.  The first one begins with all numbers 0.
 *   O2  waiting counts the threads whose wanted_at is not 0, but see O8.  While
 *       it is not 0, contention is counted up to at.
 *   O3  A thread that lets go after a request is detained by CPython until
 *       another has taken the GIL.  If it then wants it at once, it was forced
 *       off, and has waited since it let go: the wait of a CPU-bound thread.
 *       If not, it has let go for something that blocks.
 *   O4  One thread at most has a took_at that is not 0, the holder: so the
 *       times held add up to no more than what has passed, and the rest is
 *       the time in which nobody held the GIL.
 *   O5  asked_at is 0 but for a holder that was asked.
 *   O6  The last events are kept in a ring, if somebody wants them, with the
 *       very times that were counted.
 *   O7  waited_since_mark is the part after mark of the waits of a thread that
 *       have ended.  The mark may be in the future when it is set.
 *   O8  Nothing is charged to others because of the witness: what it waits is
 *       in its own record only, and its requests are counted nowhere.  A
 *       thread that it alone has asked has asked_at -1: it is forced off, but
 *       has no response.  A thread becomes the witness while it holds the GIL,
 *       so a wait is counted by the same rule at its begin and at its end.
 *
 * SPDX-License-Identifier: MIT
 */
#include "observe.h"

#include <stdlib.h>
#include <string.h>

#include <pyplusthread/gilsched.h>
#include <pyplusthread/time.h>

#include "records.h"

enum { BY_WITNESS = -1 }; /* O8: asked_at */

unsigned ppy_observing;

/* Events */

/* O6 */
static void note(ppy_observed_t *gil, int64_t now,
                 const ppy_observed_thread_t *thread, ppy_event_kind_t kind)
{
    ppy_ring_note(&gil->ring, now, thread->serial, kind);
}

/* O2; holder is NULL while nobody holds it. */
static void count_contention(ppy_observed_t *gil, int64_t now,
                             ppy_observed_thread_t *holder)
{
    uint64_t passed = (uint64_t)(now - gil->at);

    gil->at = now;
    if (gil->waiting == 0)
        return;
    gil->contended += passed;
    if (holder == NULL)
        gil->handing_over += passed;
    else
        holder->tally.counts[PPY_DELAYED] += passed * gil->waiting;
}

static void draw(const ppy_observed_t *gil, ppy_timeline_t *timeline,
                 int64_t from, int64_t until)
{
    ppy_timeline_add(timeline, from - gil->since, until - gil->since);
}

/* O3 */
static bool comes_back_to_compute(const ppy_observer_t *link, int64_t now)
{
    return link->thread->was_forced
           && now - link->detained_until < PPT_GILSCHED_PATIENCE_NS;
}

/* While it was detained it was not known that it waits. */
static void count_detention(ppy_observed_t *gil, int64_t since, int64_t now,
                            ppy_observed_thread_t *holder)
{
    uint64_t passed;

    if (holder == NULL || holder->took_at < since)
        return;
    passed = (uint64_t)(now - holder->took_at);
    holder->tally.counts[PPY_DELAYED] += passed;
    if (gil->waiting == 0)
        gil->contended += passed;
}

/* O8 */
static void begin_wait_of_witness(ppy_observed_t *gil,
                                  ppy_observed_thread_t *thread, int64_t now)
{
    thread->wanted_at = thread->cpu_bound ? thread->let_go_at : now;
    note(gil, thread->wanted_at, thread, PPY_EVENT_WANT);
}

/* The holder's cache lines are touched only where its numbers may change. */
static void begin_wait(ppy_observed_t *gil, ppy_observed_thread_t *thread,
                       int64_t now, const ppy_observer_t *holders)
{
    ppy_observed_thread_t *holder = NULL;

    if (thread->is_witness) {
        begin_wait_of_witness(gil, thread, now);
        return;
    }
    if (thread->cpu_bound || gil->waiting != 0)
        holder = ppy_record_present(gil, holders);
    count_contention(gil, now, holder);
    thread->wanted_at = now;
    if (thread->cpu_bound) {
        thread->wanted_at = thread->let_go_at;
        count_detention(gil, thread->let_go_at, now, holder);
    }
    note(gil, thread->wanted_at, thread, PPY_EVENT_WANT);
    gil->waiting++;
}

void ppy_observe_want(ppy_observed_t *gil, ppy_observer_t *link,
                      const ppy_observer_t *holder, int64_t now)
{
    ppy_observed_thread_t *thread = ppy_record_of(gil, link);

    if (thread == NULL || thread->wanted_at != 0)
        return;
    thread->cpu_bound = comes_back_to_compute(link, now);
    begin_wait(gil, thread, now, holder);
}

void ppy_observe_ask(ppy_observed_t *gil, ppy_observer_t *link,
                     const ppy_observer_t *holder, int64_t now)
{
    ppy_observed_thread_t *asking = ppy_record_of(gil, link);
    ppy_observed_thread_t *asked = ppy_record_present(gil, holder);

    if (asking == NULL || asked == NULL)
        return;
    if (asking->is_witness) {
        gil->asked_at = gil->asked_at == 0 ? BY_WITNESS : gil->asked_at;
        return;
    }
    asking->tally.counts[PPY_REQUESTS_MADE]++;
    asked->tally.counts[PPY_REQUESTS_SUFFERED]++;
    if (gil->asked_at > 0)
        return;
    gil->asked_at = now;
    if (gil->witness.wanted)
        gil->asked_cpu = ppy_witness_cpu_time(asked->ident);
    note(gil, gil->asked_at, asking, PPY_EVENT_ASK);
}

/* O7 */
static void count_since_mark(ppy_observed_thread_t *thread, int64_t now)
{
    if (now > thread->mark)
        thread->waited_since_mark +=
            now - (thread->wanted_at > thread->mark ? thread->wanted_at
                                                    : thread->mark);
}

static __attribute__((noinline)) void end_wait(ppy_observed_t *gil,
                                               ppy_observed_thread_t *thread,
                                               int64_t now)
{
    int64_t waited = now - thread->wanted_at;

    count_contention(gil, now, NULL);
    ppy_tally_add(&thread->tally, thread->cpu_bound ? PPY_WAIT_CPU : PPY_WAIT,
                  waited);
    thread->tally.counts[PPY_WAITED] += (uint64_t)waited;
    count_since_mark(thread, now);
    draw(gil, &thread->waited, thread->wanted_at, now);
    gil->waiting -= ppy_is_waiting(thread);
    thread->wanted_at = 0;
}

void ppy_observe_take(ppy_observed_t *gil, ppy_observer_t *link, int64_t now)
{
    ppy_observed_thread_t *thread = ppy_record_of(gil, link);

    if (thread == NULL)
        return;
    thread->tally.counts[PPY_ACQUISITIONS]++;
    thread->took_at = now;
    if (gil->witness.wanted)
        thread->sleeps = ppy_witness_sleeps();
    if (thread->wanted_at == 0) {
        thread->cpu_bound = comes_back_to_compute(link, now);
        if (thread->cpu_bound)
            begin_wait(gil, thread, now, NULL);
        else if (gil->waiting != 0)
            count_contention(gil, now, NULL);
    }
    if (thread->wanted_at != 0)
        end_wait(gil, thread, now);
    note(gil, now, thread, PPY_EVENT_TAKE);
}

static void show(ppy_observed_t *gil, const ppy_observed_thread_t *thread,
                 int64_t now)
{
    int64_t cpu = ppy_witness_cpu_time(thread->ident);
    ppy_seen_t seen = { thread->serial, thread->ident,
                        thread->tally.counts[PPY_ACQUISITIONS],
                        now - gil->asked_at, now - thread->took_at,
                        cpu < 0 || gil->asked_cpu < 0
                            ? -1
                            : cpu - gil->asked_cpu,
                        ppy_witness_sleeps() != thread->sleeps };

    ppy_witness_show(&gil->witness, &seen, now);
}

/* O5 */
static bool end_request(ppy_observed_t *gil, ppy_observed_thread_t *thread,
                        int64_t now)
{
    int64_t asked_at = gil->asked_at;

    if (asked_at == 0)
        return false;
    if (asked_at != BY_WITNESS) {
        ppy_tally_add(&thread->tally, PPY_RESPONSE, now - asked_at);
        if (gil->witness.wanted)
            show(gil, thread, now);
    }
    gil->asked_at = 0;
    return true;
}

void ppy_observe_let_go(ppy_observed_t *gil, ppy_observer_t *link, int64_t now)
{
    ppy_observed_thread_t *thread = ppy_record_of(gil, link);
    bool forced;

    if (thread == NULL || thread->took_at == 0)
        return;
    if (gil->waiting != 0)
        count_contention(gil, now, thread);
    forced = end_request(gil, thread, now);
    ppy_tally_add(&thread->tally,
                  forced || thread->cpu_bound ? PPY_HOLD_CPU : PPY_HOLD,
                  now - thread->took_at);
    thread->tally.counts[PPY_HELD] += (uint64_t)(now - thread->took_at);
    thread->tally.counts[forced ? PPY_FORCED : PPY_VOLUNTARY]++;
    draw(gil, &thread->held, thread->took_at, now);
    thread->was_forced = forced;
    thread->let_go_at = link->detained_until = now;
    thread->took_at = 0; /* O4 */
    note(gil, now, thread, forced ? PPY_EVENT_FORCED : PPY_EVENT_LET_GO);
}

/* Without the mutex: the record may be another thread's by now. */
void ppy_observe_detained(ppy_observer_t *link, int64_t now)
{
    link->detained_until = now;
}

/* Beginning and end */

/* Those of the threads are 0. */
static void count_from(ppy_observed_t *gil, int64_t now)
{
    gil->since = gil->at = gil->until = now;
    gil->contended = gil->handing_over = gil->lost = 0;
    gil->ring.count = 0;
    free(gil->others);
    gil->others = NULL;
}

/* O2: it is not known who holds it and who waits. */
static void begin(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread = gil->threads;

    for (; thread != NULL; thread = thread->next)
        ppy_record_clear(thread);
    gil->waiting = gil->used = 0;
    gil->asked_at = 0;
    count_from(gil, ppt_now());
}

/* As if it had never been observed. */
static void have_nothing(ppy_observed_t *gil)
{
    begin(gil);
    gil->since = gil->at = gil->until = 0;
}

void ppy_observe_anew(ppy_observed_t *gil)
{
    ppy_witness_forget(&gil->witness);
    if (ppy_is_observed(gil))
        begin(gil);
    else
        have_nothing(gil);
}

void ppy_observe_forget(ppy_observed_t *gil)
{
    if (ppy_is_observed(gil))
        __atomic_sub_fetch(&ppy_observing, 1, __ATOMIC_RELAXED);
    gil->observers = 0;
    ppy_witness_forget(&gil->witness);
    have_nothing(gil);
}

/* O1 */
void ppy_observe_begin(ppy_observed_t *gil, ppy_observer_t *link)
{
    ppy_observed_thread_t *holder;

    if (gil->observers++ != 0)
        return;
    __atomic_add_fetch(&ppy_observing, 1, __ATOMIC_RELAXED);
    begin(gil);
    holder = ppy_record_of(gil, link);
    if (holder == NULL)
        return;
    holder->took_at = gil->since;
    note(gil, gil->since, holder, PPY_EVENT_TAKE);
}

void ppy_observe_end(ppy_observed_t *gil)
{
    if (!ppy_is_observed(gil) || --gil->observers != 0)
        return;
    gil->until = ppt_now();
    __atomic_sub_fetch(&ppy_observing, 1, __ATOMIC_RELAXED);
}

static void reset(ppy_observed_t *gil, ppy_observed_thread_t *thread,
                  int64_t now)
{
    ppy_tally_t none = { { 0 }, { { 0, 0, { 0 } } } };
    ppy_timeline_t empty = { 0, { 0 } };

    if (ppy_record_has_ended(thread)) {
        gil->waiting -= ppy_is_waiting(thread);
        gil->used -= thread->is_used;
        ppy_record_clear(thread);
        return;
    }
    thread->tally = none;
    thread->held = thread->waited = empty;
    thread->let_go_at = now;
    if (thread->wanted_at != 0)
        thread->wanted_at = now;
    if (thread->took_at != 0)
        thread->took_at = now;
}

/* What has begun before is among the events, too. */
static void note_state(ppy_observed_t *gil, int64_t now)
{
    const ppy_observed_thread_t *thread = gil->threads;

    for (; thread != NULL; thread = thread->next) {
        if (thread->wanted_at != 0)
            note(gil, now, thread, PPY_EVENT_WANT);
        if (thread->took_at != 0)
            note(gil, now, thread, PPY_EVENT_TAKE);
    }
}

void ppy_observe_reset(ppy_observed_t *gil)
{
    ppy_observed_thread_t *thread;
    int64_t now = ppt_now();

    if (!ppy_is_observed(gil))
        return;
    for (thread = gil->threads; thread != NULL; thread = thread->next)
        reset(gil, thread, now);
    count_from(gil, now);
    note_state(gil, now);
}

bool ppy_observe_is_unchanged(const ppy_observed_t *gil,
                              const ppy_seen_t *seen)
{
    const ppy_observed_thread_t *thread = gil->threads;

    while (thread != NULL && thread->serial != seen->serial)
        thread = thread->next;
    return thread != NULL
           && thread->tally.counts[PPY_ACQUISITIONS] == seen->acquisitions;
}

/* O8 */
void ppy_observe_witness(ppy_observed_t *gil, ppy_observer_t *link)
{
    ppy_observed_thread_t *thread = ppy_record_of(gil, link);

    if (thread != NULL)
        thread->is_witness = true;
}

void ppy_observe_mark(ppy_observed_t *gil, ppy_observer_t *link, int64_t at)
{
    ppy_observed_thread_t *thread = ppy_record_of(gil, link);

    if (thread == NULL)
        return;
    thread->mark = at;
    thread->waited_since_mark = 0;
}

int64_t ppy_observe_waited_since_mark(ppy_observed_t *gil,
                                      ppy_observer_t *link)
{
    ppy_observed_thread_t *thread = ppy_record_of(gil, link);

    return thread == NULL ? 0 : thread->waited_since_mark;
}

bool ppy_observe_events(ppy_observed_t *gil, size_t room)
{
    if (!ppy_ring_keep(&gil->ring, room))
        return false;
    if (ppy_is_observed(gil))
        note_state(gil, ppt_now());
    return true;
}

/* From Python */

/* Those fields that only who has the GIL's mutex writes. */
static void copy_fields(ppy_observed_thread_t *copy,
                        const ppy_observed_thread_t *thread)
{
    *copy = (ppy_observed_thread_t){
        .serial = thread->serial,
        .is_used = thread->is_used,
        .tally = thread->tally,
        .held = thread->held,
        .waited = thread->waited,
        .native_id = thread->native_id,
        .ident = thread->ident,
        .threads = thread->threads,
    };
    memcpy(copy->name, thread->name, sizeof(copy->name));
}

/* As if its hold and its wait ended now. */
static void copy_one(const ppy_observed_t *gil, ppy_observed_thread_t *copy,
                     const ppy_observed_thread_t *thread)
{
    uint64_t *counts = copy->tally.counts;

    copy_fields(copy, thread);
    copy->ended = ppy_record_has_ended(thread);
    if (thread->took_at != 0) {
        counts[PPY_HELD] += (uint64_t)(gil->until - thread->took_at);
        draw(gil, &copy->held, thread->took_at, gil->until);
    }
    if (thread->wanted_at != 0) {
        counts[PPY_WAITED] += (uint64_t)(gil->until - thread->wanted_at);
        draw(gil, &copy->waited, thread->wanted_at, gil->until);
    }
}

size_t ppy_observe_copy(ppy_observed_t *gil, ppy_observer_t *link,
                        ppy_observed_t *copy, ppy_observed_thread_t *threads,
                        size_t room)
{
    const ppy_observed_thread_t *thread = gil->threads;
    size_t found = 0;

    if (ppy_is_observed(gil)) {
        gil->until = ppt_now();
        count_contention(gil, gil->until, ppy_record_of(gil, link));
    }
    *copy = *gil;
    if (gil->others != NULL && found++ < room)
        copy_one(gil, &threads[found - 1], gil->others);
    for (; thread != NULL; thread = thread->next)
        if (thread->is_used && found++ < room)
            copy_one(gil, &threads[found - 1], thread);
    return found;
}
