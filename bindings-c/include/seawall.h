/* Generated from the sources of seawall-c; do not edit. Make it anew with: cargo xtask gen
 *
 * Seawall: circuit breakers, retries, bulkheads and timeouts that decide the same in every language.
 *
 * What holds for every function:
 * - Names are seawall_<noun>_<verb>. Handles are opaque, counted, and may be NULL only where it says
 *   so; freeing NULL is nothing.
 * - A pointer that is not NULL must point to what its type says, and stay so until the function
 *   returns; none is kept. Text is UTF-8 with a length and needs no zero byte.
 * - Outputs come last and are set even on failure: NULL, 0, SEAWALL_NONE.
 * - A struct that begins with `size` is told its size by the caller; new fields come at its end.
 * - Nothing blocks, sleeps, calls back or writes to standard output. No panic crosses: it becomes
 *   SEAWALL_PANICKED, and a decision becomes "run it".
 * - Lengths of time and instants are nanoseconds.
 */

#ifndef SEAWALL_H
#define SEAWALL_H

#include <stddef.h>
#include <stdint.h>
/* Text from a literal: SEAWALL_STR("identity"). */
#ifdef __cplusplus
#define SEAWALL_STR(literal) (seawall_str{(literal), sizeof(literal) - 1})
#else
#define SEAWALL_STR(literal) ((seawall_str){(literal), sizeof(literal) - 1})
#endif

/* Where this is written, "file.c:12": for seawall_policy_new_at. */
#define SEAWALL_HERE SEAWALL_STR(__FILE__ ":" SEAWALL_TEXT_OF(__LINE__))
#define SEAWALL_TEXT_OF(value) SEAWALL_TEXT_OF_(value)
#define SEAWALL_TEXT_OF_(value) #value


// Major in the high half, minor in the low one. A caller that was compiled against another major
// must not go on; a higher minor only adds.
#define SEAWALL_ABI_VERSION 65540

// "None" of a length of time or an instant.
#define SEAWALL_NONE UINT64_MAX

// The dependency said nothing about when to come back. Another negative hint: never.
#define SEAWALL_NO_HINT INT64_MIN

#define SEAWALL_OUTCOME_SUCCESS 0

#define SEAWALL_OUTCOME_FAILURE 1

#define SEAWALL_OUTCOME_TIMEOUT 2

#define SEAWALL_OUTCOME_THROTTLED 3

#define SEAWALL_OUTCOME_PERMANENT 4

#define SEAWALL_OUTCOME_IGNORED 5

#define SEAWALL_OUTCOME_REFUSED 6

#define SEAWALL_OUTCOME_CANCELLED 7

#define SEAWALL_STATE_CLOSED 0

#define SEAWALL_STATE_OPEN 1

#define SEAWALL_STATE_HALF_OPEN 2

#define SEAWALL_STATE_FORCED_OPEN 3

#define SEAWALL_STATE_DISABLED 4

#define SEAWALL_STATE_METRICS_ONLY 5

// "None" of the numbers that fit in a byte: no state, no outcome, no mode.
#define SEAWALL_NOTHING 255

// What `seawall_policy_pass` answers when a call has to be made.
#define SEAWALL_ASK 0

// Set in every pass, so that none is `SEAWALL_ASK`; the permit, a gate as it was read, is the low half.
#define SEAWALL_PASSED 4294967296

// Bytes from one line of tallies to the next.
#define SEAWALL_LINE_SIZE 64

// Where in a line the tally stands: a `uint64_t`, to be added to atomically.
#define SEAWALL_LINE_TALLY 0

// Where in a line its limit stands: a `uint64_t`, to be read atomically.
#define SEAWALL_LINE_LIMIT 8

// How many lines `seawall_lend_lines` lends at most.
#define SEAWALL_LENT_LINES 4

// Added to the number of a lent line where a line is asked for.
#define SEAWALL_LINE_LENT 2147483648

// Run the protected function, at most for `span`; report `seawall_call_done`, or
// `seawall_call_expire` when `span` is over and the work was stopped or left behind.
#define SEAWALL_STEP_RUN 1

// Sleep for `span` (on a manual clock: advance it), then report `seawall_call_woke`.
#define SEAWALL_STEP_WAIT 2

// Wait until `ticket` is woken, or for `span`, then report `seawall_call_woke`.
#define SEAWALL_STEP_QUEUE 3

// Look for the last good value in the caller's cache; report `seawall_call_looked_up`.
#define SEAWALL_STEP_LOOK_UP 4

// Make the value of link `index` of the fallback chain, at most for `span`; report
// `seawall_call_fell_back`.
#define SEAWALL_STEP_FALL_BACK 5

// The call is over; `verdict` says how.
#define SEAWALL_STEP_FINISH 6

// With what the last attempt gave: its value, or the user's own error.
#define SEAWALL_VERDICT_SETTLE 1

// With what the last look-up found; `stale` says whether it is past its time.
#define SEAWALL_VERDICT_CACHED 2

// With what the last link of the fallback chain gave.
#define SEAWALL_VERDICT_FELL_BACK 3

// A part of the policy refused; `refusal` says which.
#define SEAWALL_VERDICT_REFUSED 4

// The last attempt hit its limit.
#define SEAWALL_VERDICT_TIMED_OUT 5

// The call hit its deadline.
#define SEAWALL_VERDICT_DEADLINE_EXCEEDED 6

// The caller gave up.
#define SEAWALL_VERDICT_CANCELLED 7

#define SEAWALL_STOP_ATTEMPTS 1

#define SEAWALL_STOP_ELAPSED 2

#define SEAWALL_STOP_BUDGET 3

#define SEAWALL_STOP_SERVER 4

#define SEAWALL_STOP_PERMANENT 5

#define SEAWALL_STOP_REFUSED 6

#define SEAWALL_STOP_DEADLINE 7

#define SEAWALL_STOP_CANCELLED 8

#define SEAWALL_FALLBACK_VALUE 0

#define SEAWALL_FALLBACK_FUNCTION 1

#define SEAWALL_FALLBACK_CACHED 2

#define SEAWALL_FALLBACK_STALE 3

#define SEAWALL_FALLBACK_EMPTY 4

#define SEAWALL_FALLBACK_FAIL_OPEN 5

#define SEAWALL_FALLBACK_FAIL_CLOSED 6

// Ask the work to stop and wait until it does.
#define SEAWALL_MODE_COOPERATIVE 0

// Go on without it.
#define SEAWALL_MODE_ABANDON 1

// Keep the value of the last attempt in the caller's cache.
#define SEAWALL_CACHE_STORE 1

// Remove the key from the caller's cache.
#define SEAWALL_CACHE_FORGET 2

#define SEAWALL_CONTROL_OPEN 1

// Open for `span` nanoseconds.
#define SEAWALL_CONTROL_OPEN_FOR 2

// Open until the instant `span` of the registry's clock.
#define SEAWALL_CONTROL_OPEN_UNTIL 3

#define SEAWALL_CONTROL_HALF_OPEN 4

#define SEAWALL_CONTROL_CLOSE 5

// Open until another control ends it.
#define SEAWALL_CONTROL_FORCE_OPEN 6

// Let everything through and record nothing.
#define SEAWALL_CONTROL_DISABLE 7

// Let everything through and record.
#define SEAWALL_CONTROL_METRICS_ONLY 8

// Empty the statistics and close.
#define SEAWALL_CONTROL_RESET 9

#define SEAWALL_ENTRY_ADMITTED 1

#define SEAWALL_ENTRY_QUEUED 2

#define SEAWALL_ENTRY_REFUSED 3

// Of `max_wait`: what the policy says.
#define SEAWALL_AS_CONFIGURED (UINT64_MAX - 1)

// One call. For one thread at a time; a second one waits for the first.
typedef struct seawall_call seawall_call;

// How the calls of one policy end whose errors are of one kind.
typedef struct seawall_ending seawall_ending;

// A reader's place in the events of a registry. For one thread at a time; a second one waits for
// the first.
typedef struct seawall_events seawall_events;

// A policy, or the view of one for a key. Handles may be used from any thread at once.
typedef struct seawall_policy seawall_policy;

// Where policies, named parts, events and metrics meet, with their clock and their randomness. One
// for the process, and as many as a test likes for itself.
typedef struct seawall_registry seawall_registry;

// Amounts that are set aside. For one thread at a time; a second one waits for the first.
typedef struct seawall_reservation seawall_reservation;

// The retries of one call. For one thread at a time; a second one waits for the first.
typedef struct seawall_schedule seawall_schedule;

// Text that is only looked at: UTF-8, `len` bytes, no zero byte needed. `ptr` may be NULL when
// `len` is 0. As an argument it is read before the function returns and not kept; as an answer it
// belongs to whoever the function names.
typedef struct {
  const char *ptr;
  size_t len;
} seawall_str;

// Text that the caller owns and gives back with `seawall_text_free`. A zero byte that `len` does
// not count follows it. `{NULL, 0}` is "no text".
typedef struct {
  char *ptr;
  size_t len;
} seawall_text;

// How a function ended. 0 is well; 16 to 63 is a decision of the policy, not a failure of the
// function; 96 to 127 is misuse, and nothing was changed; 200 and above is a fault of ours, after
// which the call should run unprotected. A number is never reused.
typedef int32_t seawall_status;

// The memory in which calls pass without a function of this header.
//
// Read `*gate` atomically. If it is odd, run. After a success read it again: if it has not changed
// and the line's tally is below its limit, add one to the tally (where there are no lines nothing is
// counted); otherwise report it with `seawall_policy_report`. After anything but a success go on
// with `seawall_call_after_pass`. In both the pass is `SEAWALL_PASSED | gate`. If the gate is even,
// make a call.
//
// Choose the line so that threads that run at once choose different ones. The memory lives as long
// as the handle that it was asked of, and after a reload its gate may be even for ever: ask for the
// overlay again after each change of the configuration and of the off switch.
typedef struct {
  // `sizeof(seawall_overlay)`, set by the caller.
  uint32_t size;
  // How many lines there are.
  uint32_t lines;
  // NULL: there is nothing to read, make calls.
  const uint32_t *gate;
  // The first line.
  uint64_t *tallies;
  // Only for calls that tell when they began, as `seawall_admission` says.
  uint8_t timed;
  uint8_t reserved[7];
  // Of `timed`: a success that took more nanoseconds is given to `seawall_policy_dismiss`, not
  // tallied; `SEAWALL_NONE`: however long it took.
  uint64_t slow_after;
  // The lines that were lent, each to be added to by a plain load and store; NULL: there is none.
  uint64_t *lent[4];
} seawall_overlay;

// Where calls that fail are entered without a function of this header, under a gate of the overlay that
// passed and has not changed: outcomes `FAILURE` and `TIMEOUT`, of policies whose shape `ends` at once.
//
// Add up the words at `tallies`, `lines` of them, `SEAWALL_LINE_SIZE` bytes apart: S. Of those it is enough to
// take the first ones, as many as the lower 32 bits of `*used` say but no more than `own`, and, if its upper
// 32 bits are not zero, all from number `own` on. Read `*failures`: I.
// In `ring[I % length]` store S + I + 1, unless more stands there. Exchange `*failures` from I for I + 1;
// if it has moved, take what it is now as I and store again. If `streak[0]` is not S + 1, store I in
// `streak[1]` and S + 1 in `streak[0]`. Then read `*credit`: if its upper 32 bits are
// `(gate >> 1) ^ rules`, and its lower 32 bits - I - 1, in 32 bits, are below `most`, that is all;
// else call `seawall_policy_judge`. Either way count the end of the call as `seawall_ending_lines` says.
// Everything is read and written atomically and in this order.
typedef struct {
  // `sizeof(seawall_failure_log)`, set by the caller.
  uint32_t size;
  // How many lines there are.
  uint32_t lines;
  // NULL: there is no such log, end calls with `seawall_policy_end`.
  uint64_t *failures;
  // The first line, others' lines included.
  const uint64_t *tallies;
  // The entries.
  uint64_t *ring;
  // How many failures need no verdict.
  const uint64_t *credit;
  // Two words.
  uint64_t *streak;
  // How many entries the ring has.
  uint32_t length;
  // What the credit is marked with.
  uint32_t rules;
  // How far below its limit a credit reaches.
  uint32_t most;
  // How many of the lines, the first, have one writer each.
  uint32_t own;
  // Which lines are in use; to be read before they are added up.
  const uint64_t *used;
} seawall_failure_log;

// What a driver has to know about a policy, to be read when it is made and after a reload.
typedef struct {
  // `sizeof(seawall_shape)`, set by the caller.
  uint32_t size;
  // Bit `1 << n` for each part there is: 1 breaker, 2 retry, 3 budget, 4 bulkhead, 5 timeout,
  // 6 fallback, 7 cache, 8 cost.
  uint32_t parts;
  uint8_t enabled;
  // Streams pass without protection.
  uint8_t stream_exempt;
  // `SEAWALL_MODE_…`; 255: what is usual in the language.
  uint8_t timeout_mode;
  // Look into the cache before calling.
  uint8_t cache_first;
  // Entries to keep.
  uint32_t cache_size;
  // Nanoseconds that a value is fresh.
  uint64_t cache_ttl;
  // Nanoseconds after that in which it may be served as stale; `SEAWALL_NONE`: not at all.
  uint64_t cache_stale_for;
  // Nanoseconds; `SEAWALL_NONE` where there is none.
  uint64_t attempt_timeout;
  uint64_t deadline;
  uint64_t idle_timeout;
  uint64_t slow_after;
  uint64_t caller_deadline_after;
  uint64_t fallback_timeout;
  // Links of the fallback chain; `seawall_policy_fallback` tells them.
  uint32_t fallback_count;
  uint32_t max_keys;
  // `seawall_policy_admit` may let a call in.
  uint8_t admits;
  // `seawall_policy_end` may end one.
  uint8_t ends;
  // Other processes may move what `seawall_policy_overlay` tells of: ask for it again now and then.
  uint8_t moves;
  uint8_t reserved[5];
} seawall_shape;

// What the driver knows about a call and the policy does not.
typedef struct {
  // `sizeof(seawall_call_options)`, set by the caller.
  uint32_t size;
  // The driver has a cache, and a key for this call.
  uint8_t cached;
  // What is counted of this call goes to line `line - 1` of the overlay; 0: the thread's own.
  uint8_t line;
  uint8_t reserved[2];
  // Nanoseconds left to the caller's own deadline, or `SEAWALL_NONE`.
  uint64_t deadline;
  // What an attempt is expected to cost, `{"tokens":100}`; or `{NULL, 0}`.
  seawall_str estimate;
} seawall_call_options;

// What the driver shall do next. Fields that do not belong to `kind` are 0, 255 or `SEAWALL_NONE`.
typedef struct {
  // `sizeof(seawall_step)`, set by the caller.
  uint32_t size;
  // `SEAWALL_STEP_…`; 0 after misuse that left no call to speak of.
  uint8_t kind;
  // Of `FINISH`: `SEAWALL_VERDICT_…`.
  uint8_t verdict;
  // Of `FALL_BACK`: `SEAWALL_FALLBACK_…`. 255: none.
  uint8_t fallback;
  // Of `RUN` with a limit: `SEAWALL_MODE_…`. 255: what is usual in the language.
  uint8_t mode;
  // Of `LOOK_UP`: take a value past its time too. Of `FINISH`, `CACHED`: it was one.
  uint8_t stale;
  // Why there is no further attempt: `SEAWALL_STOP_…`. 0: nothing decided.
  uint8_t stop;
  // Of a refusal by a breaker: its state. 255: none.
  uint8_t state;
  // Of `FINISH`: `SEAWALL_CACHE_…` bits.
  uint8_t cache;
  // Of `RUN`: its number, from 1. Of `WAIT`: the attempt that failed. Else: how many were started.
  uint32_t attempt;
  // Of `FALL_BACK` and of `FINISH`, `FELL_BACK`: the link of the chain.
  uint32_t index;
  // Tickets of other callers that wait to be fetched with `seawall_call_take_wakes` and woken.
  uint32_t wakes;
  // The refusal or timeout behind the verdict, or behind stop `REFUSED`. 0: none.
  seawall_status refusal;
  // Nanoseconds: the limit of `RUN` and `FALL_BACK`, the length of `WAIT`, the longest `QUEUE`.
  // `SEAWALL_NONE`: without limit.
  uint64_t span;
  // Of `QUEUE`.
  uint64_t ticket;
  // Nanoseconds since the start.
  uint64_t elapsed;
  // Of the refusal: nanoseconds until another try may succeed, or `SEAWALL_NONE`.
  uint64_t retry_after;
  // Of the refusal: how much of `limit` was in use.
  uint64_t used;
  // Of the refusal: the limit that was hit; of a timeout, in nanoseconds.
  uint64_t limit;
  // Of `WAIT`: how the attempt ended; else how the last one did. 255: none has ended.
  uint8_t outcome;
  uint8_t reserved[7];
  // Nanoseconds that the last attempt took, if that was longer than `slow_after`; else
  // `SEAWALL_NONE`.
  uint64_t slow;
} seawall_step;

// What a call holds that was let in without being stepped. It is given back once: with
// `seawall_policy_dismiss` after a success, else with `seawall_policy_fail` or
// `seawall_call_after_admission`. Each of them takes `pass` out of it, so that a second time is
// `STALE_HANDLE`; who copies it answers for the copies.
//
// A pass that was read from the overlay is one too, with `placed` 0 and `SEAWALL_PASSED | gate`.
typedef struct {
  // `sizeof(seawall_admission)`, set by the caller.
  uint32_t size;
  // It holds a place in the bulkhead.
  uint32_t placed;
  // `SEAWALL_ASK`: nothing was taken, make a call.
  uint64_t pass;
  // As `seawall_policy_pass` tells it; 0: nobody needs to know. May be set where it is 0, to one
  // more than the registry's clock.
  uint64_t started;
  // The settings that it was given under.
  uint64_t epoch;
} seawall_admission;

// Who refused, and until when.
typedef struct {
  // `sizeof(seawall_refusal)`, set by the caller.
  uint32_t size;
  // `CIRCUIT_OPEN`, `BULKHEAD_FULL`, …; 0 if nothing refused.
  seawall_status status;
  // Of a breaker: its state. 255: none.
  uint8_t state;
  uint8_t reserved[7];
  // Nanoseconds until another try may succeed; `SEAWALL_NONE` where nobody knows.
  uint64_t retry_after;
  // How much of `limit` was in use: permits, or an amount of a cost budget.
  uint64_t used;
  // The limit that was hit; of a timeout, in nanoseconds.
  uint64_t limit;
} seawall_refusal;

// Where calls that end so are counted by who enters their failures in a `seawall_failure_log`: one more in
// one of these words for each, and nothing else.
typedef struct {
  // `sizeof(seawall_ending_lines)`, set by the caller.
  uint32_t size;
  // How many lines any thread may add to.
  uint32_t lines;
  // The word of the first of them, the others `SEAWALL_LINE_SIZE` bytes apart, to be added to atomically.
  // NULL: there is none, end such calls with `seawall_policy_end`.
  uint64_t *shared;
  // The words of the lines that were lent, each to be added to by a plain load and store; NULL: there is
  // none.
  uint64_t *lent[4];
} seawall_ending_lines;

// How a caller stands.
typedef struct {
  // `sizeof(seawall_entry)`, set by the caller.
  uint32_t size;
  // `SEAWALL_ENTRY_…`.
  uint8_t kind;
  uint8_t reserved[3];
  // Of `ADMITTED`: to be given back with `seawall_bulkhead_leave`.
  uint64_t permit;
  // Of `QUEUED`: unique in the process; to be polled when it is woken or `span` is over.
  uint64_t ticket;
  // Of `QUEUED`: nanoseconds to wait at most, or `SEAWALL_NONE`.
  uint64_t span;
} seawall_entry;

#define SEAWALL_OK 0

#define SEAWALL_CIRCUIT_OPEN 16

#define SEAWALL_BULKHEAD_FULL 17

#define SEAWALL_BULKHEAD_TIMEOUT 18

#define SEAWALL_ATTEMPT_TIMEOUT 19

#define SEAWALL_DEADLINE_EXCEEDED 20

#define SEAWALL_COST_EXCEEDED 21

// State that processes share cannot be had, and the policy requires it.
#define SEAWALL_HOST_UNAVAILABLE 22

// A number that means nothing here: an outcome, a control, a name that no table knows.
#define SEAWALL_UNKNOWN_VALUE 96

// NULL where something is needed.
#define SEAWALL_NULL_ARGUMENT 97

#define SEAWALL_INVALID_CONFIG 98

// Text that is not UTF-8, or not the JSON that is asked for.
#define SEAWALL_INVALID_TEXT 99

// The policy has no such part.
#define SEAWALL_NO_SUCH_PART 100

// A permit, ticket or attempt that is no longer the present one.
#define SEAWALL_STALE_HANDLE 101

// The `size` of a struct, or a length, is impossible.
#define SEAWALL_INVALID_SIZE 102

#define SEAWALL_UNKNOWN_POLICY 103

// A report that the present step does not wait for.
#define SEAWALL_WRONG_ORDER 104

// A fault of ours was caught.
#define SEAWALL_PANICKED 200

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The `SEAWALL_ABI_VERSION` of the library that is linked.
//
// Owns: nothing. Threads: any. Statuses: none.
uint32_t seawall_abi_version(void);

// The version of the library, `"0.1.0"`.
//
// Owns: static text. Threads: any. Statuses: none.
seawall_str seawall_version(void);

// Frees a text and makes it `{NULL, 0}`; NULL, and a text that is already free, are nothing.
//
// Owns: takes the text back. Threads: any, one at a time for one text. Statuses: none.
void seawall_text_free(seawall_text *text);

// The name of a status (`circuit_open`); empty for a number that is none.
//
// Owns: static text. Threads: any. Statuses: none.
seawall_str seawall_status_name(seawall_status status);

// All statuses there are, as many as fit into `room`; `count` gets how many there are.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_status_list(seawall_status *statuses, size_t room, size_t *count);

// The name of an outcome (`throttled`); empty for a number that is none.
//
// Owns: static text. Threads: any. Statuses: none.
seawall_str seawall_outcome_name(uint8_t outcome);

// The number of an outcome's name.
//
// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE`, `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_outcome_parse(seawall_str name, uint8_t *outcome);

// The name of a breaker's state (`half_open`); empty for a number that is none.
//
// Owns: static text. Threads: any. Statuses: none.
seawall_str seawall_state_name(uint8_t state);

// The registry of the process. Its clock follows `CLOCK_MONOTONIC`, and the file that
// `SEAWALL_CONFIG` names is read when the first policy is made.
//
// Owns: `*registry` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_global(seawall_registry **registry);

// A registry for a test: its clock stands at 0 until it is advanced, its random numbers come from
// `seed`, and it reads neither environment nor file.
//
// Owns: `*registry` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_manual(uint64_t seed, seawall_registry **registry);

// The same with an environment of its own: `environment` is a JSON table of variables and their
// text, those that do not begin with `SEAWALL_` mean nothing.
//
// Owns: `*registry` is the caller's, to be freed. Threads: any. Statuses: `INVALID_TEXT` where that is
// no such table, `NULL_ARGUMENT`.
seawall_status seawall_registry_manual_with(uint64_t seed,
                                            seawall_str environment,
                                            seawall_registry **registry);

// A second handle on the same registry; NULL for NULL.
//
// Owns: the answer is the caller's, to be freed. Threads: any. Statuses: none.
seawall_registry *seawall_registry_clone(const seawall_registry *registry);

// Ends one handle; policies that were made in the registry live on. NULL is nothing.
//
// Owns: takes the handle back. Threads: any. Statuses: none.
void seawall_registry_free(seawall_registry *registry);

// Whether policies protect (1) or are plain calls (0).
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_enabled(const seawall_registry *registry, uint8_t *enabled);

// The off switch of everything: 0 turns all policies into plain calls.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_set_enabled(const seawall_registry *registry, uint8_t enabled);

// Takes a configuration as TOML text; `source` is what messages call it. Policies that exist are
// configured anew and keep their state where its shape allows.
//
// Owns: `*why`, which may be NULL, is the caller's, to be freed; on `INVALID_CONFIG` it is a JSON
// object with `code`, `path`, `reason` and `message`, and `suggestion` and `source` where there is
// one. Threads: any. Statuses: `INVALID_CONFIG`, `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_registry_load(const seawall_registry *registry,
                                     seawall_str toml,
                                     seawall_str source,
                                     seawall_text *why);

// The same, from a file.
//
// Owns, threads, statuses: as `seawall_registry_load`.
seawall_status seawall_registry_load_path(const seawall_registry *registry,
                                          seawall_str path,
                                          seawall_text *why);

// Reads the file again that was loaded by path or named by `SEAWALL_CONFIG`.
//
// Owns, threads, statuses: as `seawall_registry_load`.
seawall_status seawall_registry_reload(const seawall_registry *registry, seawall_text *why);

// Tickets that a load or reload admitted because their bulkhead is wider now: wake their holders.
//
// `tickets` gets at most `room` of them, `count` how many; the rest waits for the next call. Steps
// of calls hand them out too, so that a driver that forgets this function is only late.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_take_wakes(const seawall_registry *registry,
                                           uint64_t *tickets,
                                           size_t room,
                                           size_t *count);

// Applies the transitions that are due. Whoever listens to events calls it now and then, every
// 100 ms say; calls through a policy do it for themselves.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_tick(const seawall_registry *registry);

// All metrics, in the text format of Prometheus.
//
// Owns: `*text` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_metrics(const seawall_registry *registry, seawall_text *text);

// The snapshots of all named policies, a JSON array of what `seawall_policy_snapshot` gives.
//
// Owns: `*json` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_snapshot(const seawall_registry *registry, seawall_text *json);

// The policy called `name`, if it has been made in this process.
//
// Owns: `*policy` is the caller's, to be freed. Threads: any. Statuses: `UNKNOWN_POLICY`,
// `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_registry_find(const seawall_registry *registry,
                                     seawall_str name,
                                     seawall_policy **policy);

// The time limit of a kind of operation (`llm`, `auth`, `db`, `http`, else the default), in
// nanoseconds. The table is configuration.
//
// Owns: nothing. Threads: any. Statuses: `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_registry_operation_timeout(const seawall_registry *registry,
                                                  seawall_str operation,
                                                  uint64_t *nanos);

// How many calls at once a kind of resource takes (`llm`, `openfga`, `redis`, `db`, else the
// default). The table is configuration.
//
// Owns: nothing. Threads: any. Statuses: `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_registry_resource_limit(const seawall_registry *registry,
                                               seawall_str resource,
                                               uint32_t *limit);

// The present instant of the registry's clock, in nanoseconds since that clock's own zero.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_now(const seawall_registry *registry, uint64_t *nanos);

// Whether the clock stands still until it is advanced: then advance it instead of sleeping.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_is_manual(const seawall_registry *registry, uint8_t *manual);

// Stops the clock at the present instant, for tests of code that uses the process's registry.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_freeze(const seawall_registry *registry);

// Lets the clock follow the system again.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_thaw(const seawall_registry *registry);

// Moves a clock that stands still.
//
// Owns: nothing. Threads: any. Statuses: `WRONG_ORDER` if the clock follows the system,
// `NULL_ARGUMENT`.
seawall_status seawall_registry_advance(const seawall_registry *registry, uint64_t nanos);

// Starts the random numbers anew; the same seed gives the same numbers in every language.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_reseed(const seawall_registry *registry, uint64_t seed);

// Makes `number` the next uniform number drawn, after those that were scripted before it; it is
// clamped to 0..1.
//
// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` for NaN, `NULL_ARGUMENT`.
seawall_status seawall_registry_script(const seawall_registry *registry, double number);

// Draws the next uniform number, 0 ≤ number < 1.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_registry_uniform(const seawall_registry *registry, double *number);

// Makes a policy of its settings as JSON, shaped like one `[policy.NAME]` table of the file and
// with `name` if it has one; what the file and the environment say about that name is merged in.
//
// Owns: `*policy`, and `*why`, which may be NULL, are the caller's, to be freed; `why` is as for
// `seawall_registry_load`. Threads: any. Statuses: `INVALID_CONFIG`, `INVALID_TEXT`,
// `NULL_ARGUMENT`.
seawall_status seawall_policy_new(const seawall_registry *registry,
                                  seawall_str json,
                                  seawall_policy **policy,
                                  seawall_text *why);

// The same, made at `place` (`SEAWALL_HERE` in a source), which `config_conflict` events name; of
// policies made without one they say `code`.
//
// Owns, threads, statuses: as `seawall_policy_new`.
seawall_status seawall_policy_new_at(const seawall_registry *registry,
                                     seawall_str json,
                                     seawall_str place,
                                     seawall_policy **policy,
                                     seawall_text *why);

// The policy that the file or the environment declares under `name`.
//
// Owns, threads, statuses: as `seawall_policy_new`.
seawall_status seawall_policy_named(const seawall_registry *registry,
                                    seawall_str name,
                                    seawall_policy **policy,
                                    seawall_text *why);

// The same policy for one key (a model, a tenant, a host), with a breaker and a bulkhead of its
// own. It holds them until the handle is freed. Calls of a key of more than 256 bytes pass through
// what is kept by key, and one `internal` event says so.
//
// Owns: `*keyed` is the caller's, to be freed. Threads: any. Statuses: `INVALID_TEXT`,
// `NULL_ARGUMENT`.
seawall_status seawall_policy_at(const seawall_policy *policy, seawall_str key, seawall_policy **keyed);

// A second handle on the same policy; NULL for NULL.
//
// Owns: the answer is the caller's, to be freed. Threads: any. Statuses: none.
seawall_policy *seawall_policy_clone(const seawall_policy *policy);

// Ends one handle; calls that were made with it live on. NULL is nothing.
//
// Owns: takes the handle back. Threads: any. Statuses: none.
void seawall_policy_free(seawall_policy *policy);

// The name of the policy, `{NULL, 0}` if it has none.
//
// Owns: the text belongs to the handle. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_policy_name(const seawall_policy *policy, seawall_str *name);

// Why its calls are refused with `HOST_UNAVAILABLE`: what is wrong with the state that the processes
// of this host share, where, and what to do about it; empty while they are not.
//
// Owns: `*problem` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_policy_host_problem(const seawall_policy *policy, seawall_text *problem);

// A number that no other policy of this process has; events carry it as `policy_id`.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_policy_id(const seawall_policy *policy, uint64_t *id);

// Whether the policy protects (1) or is switched off, by itself or with its registry (0).
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_policy_enabled(const seawall_policy *policy, uint8_t *enabled);

// What the configuration came to, as JSON: every layer merged, every default filled in, lengths in
// text with their unit.
//
// Owns: `*json` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_policy_config(const seawall_policy *policy, seawall_text *json);

// All parts of the policy as they stand, as a JSON object. Transitions that are due are applied.
//
// Owns: `*json` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_policy_snapshot(const seawall_policy *policy, seawall_text *json);

// Permission to run without a call: while the circuit is closed and nothing else is to be asked.
// `SEAWALL_ASK` means: make a call. After a success, `seawall_policy_succeed`; after anything else
// `seawall_call_after_pass`; each with both numbers. Each pass is reported once.
//
// Owns: nothing. Threads: any. Statuses: none; a NULL policy is told to ask.
uint64_t seawall_policy_pass(const seawall_policy *policy, uint64_t *started);

// Counts a success under a pass, `started` as it was told with it. 0: the circuit changed meanwhile or
// the call was slow, and the circuit has been told all the same.
//
// Owns: nothing. Threads: any. Statuses: none.
uint8_t seawall_policy_succeed(const seawall_policy *policy, uint64_t pass, uint64_t started);

// Where the policy's gate and tallies are. `gate` is NULL where every call has to be made.
//
// Owns: the memory is the handle's. Threads: any. Statuses: `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_policy_overlay(const seawall_policy *policy, seawall_overlay *overlay);

// Where the policy's failures are entered. `failures` is NULL where each has to be reported: there is no
// count window, it has a slow-call rule, or the circuit is this process's alone and was made before
// `seawall_keep_lines_together`. To be asked for with the overlay, and as long good.
//
// Owns: the memory is the handle's. Threads: any. Statuses: `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_policy_failure_log(const seawall_policy *policy, seawall_failure_log *log);

// A failure that was entered in the log under `gate` is not within the credit: the circuit is judged, and
// new credit given.
//
// Owns: nothing. Threads: any. Statuses: none.
void seawall_policy_judge(const seawall_policy *policy, uint32_t gate);

// Lends lines of every overlay to this process's scheduler, for good, and says whether it has: one to each
// of its `writers`, and to no more than `SEAWALL_LENT_LINES`. Each is then written by one thread at a time,
// which the caller answers for, by a plain load and store of its tally. Who sums looks at all that were lent:
// ask for no more than run at once. To be called before anything has been counted; 0: nothing was asked for,
// or threads of the library have them.
//
// Owns: nothing. Threads: any. Statuses: none.
uint8_t seawall_lend_lines(uint32_t writers);

// Has circuits that are made from now on keep the lines of all their writers side by side, which who enters
// failures himself looks at (see `seawall_policy_failure_log`): some hundred bytes a circuit. Lending does so
// too.
//
// Owns: nothing. Threads: any. Statuses: none.
void seawall_keep_lines_together(void);

// Reports a success under a pass whose gate has changed, or whose line has reached its limit: the
// limit is moved on where the line is busy.
//
// Owns: nothing. Threads: any. Statuses: `STALE_HANDLE` for a pass that is none, `NULL_ARGUMENT`.
seawall_status seawall_policy_report(const seawall_policy *policy, uint64_t pass, uint32_t line);

// What a driver has to know about the policy.
//
// Owns: nothing. Threads: any. Statuses: `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_policy_shape(const seawall_policy *policy, seawall_shape *shape);

// Link `index` of the fallback chain: `SEAWALL_FALLBACK_…`, and the value of a `VALUE` that the
// configuration gives, as JSON; `{NULL, 0}` where the code has to give it. `value` may be NULL.
//
// Owns: `*value` is the caller's, to be freed. Threads: any. Statuses: `NO_SUCH_PART`,
// `UNKNOWN_VALUE` past the end of the chain, `NULL_ARGUMENT`.
seawall_status seawall_policy_fallback(const seawall_policy *policy,
                                       uint32_t index,
                                       uint8_t *step,
                                       seawall_text *value);

// The name of a `SEAWALL_STOP_…` (`attempts`); empty for a number that is none.
//
// Owns: static text. Threads: any. Statuses: none.
seawall_str seawall_stop_name(uint8_t stop);

// The name of a `SEAWALL_FALLBACK_…` (`fail_open`); empty for a number that is none.
//
// Owns: static text. Threads: any. Statuses: none.
seawall_str seawall_fallback_name(uint8_t step);

// Begins a call; `options` may be NULL.
//
// Owns: `*call` is the caller's, to be freed. Threads: any. Statuses: `INVALID_SIZE`,
// `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_call_new(const seawall_policy *policy,
                                const seawall_call_options *options,
                                seawall_call **call);

// A call whose first attempt ran under a pass and did not succeed. Its present step is `RUN` 1:
// report it with `seawall_call_done`.
//
// Owns: `*call` is the caller's, to be freed. Threads: any. Statuses: `STALE_HANDLE` for a pass
// that is none, `INVALID_SIZE`, `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_call_after_pass(const seawall_policy *policy,
                                       uint64_t pass,
                                       uint64_t started,
                                       const seawall_call_options *options,
                                       seawall_call **call);

// The first step.
//
// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER` after the first time, `PANICKED`,
// `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_call_start(seawall_call *call, seawall_step *step);

// Attempt number `attempt` ended. `hint` is what the dependency said about coming back, in
// nanoseconds: `SEAWALL_NO_HINT`, another negative number for "never", or a length. What comes
// later than the attempt's limit is judged a timeout, whatever `outcome` says.
//
// Owns: nothing. Threads: one at a time. Statuses: `UNKNOWN_VALUE`; `STALE_HANDLE` for another
// attempt than the running one, `WRONG_ORDER` if none runs: both change nothing and tell the
// present step again; `PANICKED`, `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_call_done(seawall_call *call,
                                 uint32_t attempt,
                                 uint8_t outcome,
                                 int64_t hint,
                                 seawall_step *step);

// The limit of the running attempt is over, and its work was stopped or left behind.
//
// Owns, threads, statuses: as `seawall_call_done`.
seawall_status seawall_call_expire(seawall_call *call, uint32_t attempt, seawall_step *step);

// The wait is over, or the ticket was woken.
//
// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER`, `PANICKED`, `INVALID_SIZE`,
// `NULL_ARGUMENT`.
seawall_status seawall_call_woke(seawall_call *call, seawall_step *step);

// The caller gave up, whatever the present step; `by_deadline` if its own deadline had passed.
//
// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER` after the end, `PANICKED`,
// `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_call_cancelled(seawall_call *call, uint8_t by_deadline, seawall_step *step);

// The look-up in the caller's cache found a value (1) or did not (0).
//
// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER`, `PANICKED`, `INVALID_SIZE`,
// `NULL_ARGUMENT`.
seawall_status seawall_call_looked_up(seawall_call *call, uint8_t hit, seawall_step *step);

// The link of the fallback chain gave a value (1) or failed (0).
//
// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER`, `PANICKED`, `INVALID_SIZE`,
// `NULL_ARGUMENT`.
seawall_status seawall_call_fell_back(seawall_call *call, uint8_t ok, seawall_step *step);

// Tickets of other callers that the steps so far admitted or refused: their holders are to be
// woken. At most `room` are fetched, `count` says how many; what does not fit waits.
//
// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_call_take_wakes(seawall_call *call, uint64_t *tickets, size_t room, size_t *count);

// Ends the call's handle. A call that is not finished counts as given up, and what it held goes
// back; where others may wait for that, report `seawall_call_cancelled` and take the wakes before.
// NULL is nothing.
//
// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
void seawall_call_free(seawall_call *call);

// Nanoseconds to the limit of the attempt or the deadline of the call, whichever is nearer;
// `SEAWALL_NONE` if there is neither.
//
// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_call_remaining(const seawall_call *call, uint64_t *nanos);

// What the running attempt really cost, `{"tokens":123}`; to be said before it is reported.
//
// Owns: nothing. Threads: one at a time. Statuses: `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_call_settle_cost(seawall_call *call, seawall_str json);

// The first item of a stream is out: from now on the limit of the attempt is off, and its end is
// recorded but neither retried nor replaced by a fallback.
//
// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_call_commit(seawall_call *call);

// Nothing can stop the attempt that runs: whatever it gives counts, however late. To be said of
// blocking work that never looks at the time; the deadline of the call holds all the same.
//
// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_call_unenforced(seawall_call *call);

// The work cannot be repeated: the attempt that runs is the last, though a fallback may answer.
//
// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_call_last_attempt(seawall_call *call);

// The class of the error that is reported next, for metrics.
//
// Owns: nothing. Threads: one at a time. Statuses: `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_call_error_type(seawall_call *call, seawall_str name);

// The refusal or timeout behind the last step as a JSON object with `code`, `message`, `used`,
// `limit` and, where there are any, `state`, `retry_after_ns` and `amount`; `{NULL, 0}` if there
// is none.
//
// Owns: `*json` is the caller's, to be freed. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_call_refusal(const seawall_call *call, seawall_text *json);

// Asks to be let in at once, for a call without options of its own. Where there is room and no
// doubt `admission` says so; where the circuit is open without doubt the status does; else
// `admission.pass` is `SEAWALL_ASK` and a call has to be made. `refusal` may be NULL.
//
// Owns: what `admission` says is the caller's, to be given back. Threads: any. Statuses: `OK`,
// `CIRCUIT_OPEN`, `INVALID_SIZE`, `NULL_ARGUMENT`; after `PANICKED` make a call.
seawall_status seawall_policy_admit(const seawall_policy *policy,
                                    seawall_admission *admission,
                                    seawall_refusal *refusal);

// An admitted call has succeeded: it is counted, and its place is free.
//
// Owns: takes what the admission holds. Threads: any. `tickets`: as `seawall_bulkhead_cancel`.
// Statuses: `STALE_HANDLE` for an admission that is none any more, `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_policy_dismiss(const seawall_policy *policy,
                                      seawall_admission *admission,
                                      uint64_t *tickets,
                                      size_t room,
                                      size_t *count);

// An admitted call has ended with `outcome`; `hint` is as for `seawall_call_done`, `error_type` the
// class of the error, for metrics, or `{NULL, 0}`. Where that is the end of the call, `*call` is NULL
// and `step` says how it ended; else the call goes on with `step`. `options` may be NULL.
//
// Owns: takes what the admission holds; `*call` is the caller's, to be freed. Threads: any.
// Statuses: `UNKNOWN_VALUE`, `STALE_HANDLE` for an admission that is none any more, `INVALID_SIZE`,
// `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_policy_fail(const seawall_policy *policy,
                                   seawall_admission *admission,
                                   uint8_t outcome,
                                   int64_t hint,
                                   seawall_str error_type,
                                   const seawall_call_options *options,
                                   seawall_step *step,
                                   seawall_call **call);

// The ending of calls whose error is of the class `error_type` and means `outcome`, to be kept by who
// meets errors of the same kind again.
//
// Owns: `*ending` is the caller's, to be freed. Threads: any. Statuses: `UNKNOWN_VALUE`,
// `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_ending_new(const seawall_policy *policy,
                                  uint8_t outcome,
                                  seawall_str error_type,
                                  seawall_ending **ending);

// Forgets the ending. NULL is nothing.
//
// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
void seawall_ending_free(seawall_ending *ending);

// Where calls with that ending are counted. The words live as long as the policy's handle.
//
// Owns: the memory is the policy's; the ending is one of the same policy. Threads: any. Statuses:
// `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_ending_counted(const seawall_policy *policy,
                                      const seawall_ending *ending,
                                      seawall_ending_lines *lines);

// `seawall_policy_fail` for a call under `SEAWALL_PASSED | gate`, in scalars. 1: it is counted, judged and
// over, and its result stands. 0: nothing has been taken, there may be more to do: `seawall_policy_fail`.
//
// Owns: nothing; the ending is one of the same policy. Threads: any. Statuses: none.
uint8_t seawall_policy_end(const seawall_policy *policy, uint64_t pass, const seawall_ending *ending);

// A call whose first attempt was admitted and did not succeed. Its present step is `RUN` 1: report
// it with `seawall_call_done`.
//
// Owns: takes what the admission holds; `*call` is the caller's, to be freed. Threads: any.
// Statuses: `STALE_HANDLE` for an admission that is none any more, `INVALID_SIZE`, `INVALID_TEXT`,
// `NULL_ARGUMENT`.
seawall_status seawall_call_after_admission(const seawall_policy *policy,
                                            seawall_admission *admission,
                                            const seawall_call_options *options,
                                            seawall_call **call);

// Asks for a permit; it is given back with `seawall_breaker_record`, whatever comes. `refusal` may
// be NULL.
//
// Owns: nothing. Threads: any. Statuses: `CIRCUIT_OPEN`, `HOST_UNAVAILABLE`, `NO_SUCH_PART`,
// `INVALID_SIZE`, `NULL_ARGUMENT`; after `PANICKED` run the call and report nothing.
seawall_status seawall_breaker_acquire(const seawall_policy *policy,
                                       uint64_t *permit,
                                       seawall_refusal *refusal);

// Reports how a call under `permit` ended, after `took` nanoseconds. A permit of an older
// generation changes nothing but the count of stale reports, and a probe's second report too.
//
// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE`, `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_breaker_record(const seawall_policy *policy,
                                      uint64_t permit,
                                      uint8_t outcome,
                                      uint64_t took,
                                      int64_t hint);

// A transition by hand; every one is legal. `span` is for `OPEN_FOR` and `OPEN_UNTIL`.
//
// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE`, `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_breaker_control(const seawall_policy *policy, uint8_t control, uint64_t span);

// The state, `SEAWALL_STATE_…`; a transition that is due is applied first. 255 on failure.
//
// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_breaker_state(const seawall_policy *policy, uint8_t *state);

// Asks to be let in, waiting at most `max_wait` nanoseconds (`SEAWALL_NONE`: for ever; 0: not at
// all; `SEAWALL_AS_CONFIGURED`). `refusal` may be NULL.
//
// Owns: nothing. Threads: any. Statuses: `OK` for `ADMITTED` and `QUEUED`, `BULKHEAD_FULL`,
// `HOST_UNAVAILABLE`, `NO_SUCH_PART`, `INVALID_SIZE`, `NULL_ARGUMENT`; after `PANICKED` run the call
// and give back nothing.
seawall_status seawall_bulkhead_enter(const seawall_policy *policy,
                                      uint64_t max_wait,
                                      seawall_entry *entry,
                                      seawall_refusal *refusal);

// How a ticket stands: `ADMITTED` ends it and makes it a permit.
//
// Owns: nothing. Threads: any. Statuses: `OK` for `ADMITTED` and `QUEUED`, `BULKHEAD_TIMEOUT` when
// the wait is over, `STALE_HANDLE` when nobody knows the ticket, `NO_SUCH_PART`, `INVALID_SIZE`,
// `NULL_ARGUMENT`.
seawall_status seawall_bulkhead_poll(const seawall_policy *policy,
                                     uint64_t ticket,
                                     seawall_entry *entry,
                                     seawall_refusal *refusal);

// A waiter leaves the queue; a permit that was just handed to it goes to the next.
//
// `tickets` gets at most `room` tickets whose holders are to be woken, `count` how many; what does
// not fit waits for `seawall_bulkhead_take_wakes`. `tickets` may be NULL when `room` is 0.
//
// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_bulkhead_cancel(const seawall_policy *policy,
                                       uint64_t ticket,
                                       uint64_t *tickets,
                                       size_t room,
                                       size_t *count);

// Gives a permit back; the first in the queue gets it. A second time changes nothing but the count
// of stale reports.
//
// Owns, threads, statuses, `tickets`: as `seawall_bulkhead_cancel`.
seawall_status seawall_bulkhead_leave(const seawall_policy *policy,
                                      uint64_t permit,
                                      uint64_t *tickets,
                                      size_t room,
                                      size_t *count);

// Another number of permits from now on: growing admits waiters, shrinking takes permits as they
// come back.
//
// Owns, threads, `tickets`: as `seawall_bulkhead_cancel`. Statuses: `UNKNOWN_VALUE` for 0,
// `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_bulkhead_resize(const seawall_policy *policy,
                                       uint32_t limit,
                                       uint64_t *tickets,
                                       size_t room,
                                       size_t *count);

// The tickets that did not fit before.
//
// Owns, threads, `tickets`: as `seawall_bulkhead_cancel`. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_bulkhead_take_wakes(const seawall_policy *policy,
                                           uint64_t *tickets,
                                           size_t room,
                                           size_t *count);

// Begins the schedule of one call.
//
// Owns: `*schedule` is the caller's, to be freed. Threads: any. Statuses: `NO_SUCH_PART` for a
// policy without retries, `NULL_ARGUMENT`.
seawall_status seawall_schedule_new(const seawall_policy *policy, seawall_schedule **schedule);

// An attempt ended with `outcome`: `*stop` 0 says try again after `*delay` nanoseconds, anything
// else (`SEAWALL_STOP_…`) why not. `elapsed` nanoseconds have passed since the first attempt began,
// or `SEAWALL_NONE`: as the registry's clock says. `hint` is as for `seawall_call_done`.
//
// Owns: nothing. Threads: one at a time. Statuses: `UNKNOWN_VALUE`, `NULL_ARGUMENT`.
seawall_status seawall_schedule_next(seawall_schedule *schedule,
                                     uint8_t outcome,
                                     int64_t hint,
                                     uint64_t elapsed,
                                     uint8_t *stop,
                                     uint64_t *delay);

// Attempts that have been reported.
//
// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_schedule_attempts(const seawall_schedule *schedule, uint32_t *attempts);

// Ends the schedule. NULL is nothing.
//
// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
void seawall_schedule_free(seawall_schedule *schedule);

// A call begins.
//
// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_budget_begin(const seawall_policy *policy);

// A call ends, however it did.
//
// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_budget_end(const seawall_policy *policy);

// Asks for a retry after `outcome`. `*granted` says whether it may be made, and `*cost` what it was
// paid with: hand it on to `seawall_budget_retry_end` and `seawall_budget_success`.
//
// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE`, `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_budget_withdraw(const seawall_policy *policy,
                                       uint8_t outcome,
                                       uint8_t *granted,
                                       uint64_t *cost);

// The retry that `cost` paid for has ended.
//
// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` for a cost that is none, `NO_SUCH_PART`,
// `NULL_ARGUMENT`.
seawall_status seawall_budget_retry_end(const seawall_policy *policy, uint64_t cost);

// A call succeeded. `last_cost` is what its last retry cost, or `SEAWALL_NONE` at the first try.
//
// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` for a cost that is none, `NO_SUCH_PART`,
// `NULL_ARGUMENT`.
seawall_status seawall_budget_success(const seawall_policy *policy, uint64_t last_cost);

// Tokens, or retries, that are left.
//
// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_budget_balance(const seawall_policy *policy, double *balance);

// Retries that may run at once, where that is the rule; else `SEAWALL_NONE`.
//
// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_budget_limit(const seawall_policy *policy, uint64_t *limit);

// Retries that run now.
//
// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
seawall_status seawall_budget_active(const seawall_policy *policy, uint64_t *active);

// Whether all cost budgets of the policy have something left. `refusal` may be NULL.
//
// Owns: nothing. Threads: any. Statuses: `COST_EXCEEDED`, `HOST_UNAVAILABLE`, `NO_SUCH_PART`,
// `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_cost_check(const seawall_policy *policy, seawall_refusal *refusal);

// Sets amounts aside, `{"tokens":100}`, in each budget of the policy that knows them; all or
// nothing. `refusal` may be NULL.
//
// Owns: `*reservation` is the caller's, to be freed. Threads: any. Statuses: `COST_EXCEEDED`,
// `HOST_UNAVAILABLE`, `NO_SUCH_PART`, `INVALID_TEXT`, `INVALID_SIZE`, `NULL_ARGUMENT`.
seawall_status seawall_cost_reserve(const seawall_policy *policy,
                                    seawall_str json,
                                    seawall_reservation **reservation,
                                    seawall_refusal *refusal);

// Says what was really used, once; the reservation is still to be freed.
//
// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER` the second time, `INVALID_TEXT`,
// `NULL_ARGUMENT`.
seawall_status seawall_cost_settle(seawall_reservation *reservation, seawall_str json);

// Ends the reservation; what was not settled goes back. NULL is nothing.
//
// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
void seawall_reservation_free(seawall_reservation *reservation);

// Starts reading: events from now on are kept until they are read, the newest 1024 of them.
// Without a reader none is made.
//
// Owns: `*events` is the caller's, to be freed. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_events_new(const seawall_registry *registry, seawall_events **events);

// What happened since the last time, oldest first, as a JSON array; `{NULL, 0}` if nothing did.
// `*dropped`, which may be NULL, says how many came and went unread.
//
// Owns: `*json` is the caller's, to be freed. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_events_drain(seawall_events *events, seawall_text *json, uint64_t *dropped);

// Stops reading. NULL is nothing.
//
// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
void seawall_events_free(seawall_events *events);

// What an HTTP status says.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_classify_http(uint16_t code, uint8_t *outcome);

// What a gRPC status number says.
//
// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
seawall_status seawall_classify_grpc(int32_t code, uint8_t *outcome);

// What the name of an error says. `language` is `python`, `node`, `go` or `rust`, or empty for all.
//
// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` where no table knows it, with
// `SEAWALL_OUTCOME_FAILURE` as the outcome; `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_classify_error(seawall_str language, seawall_str name, uint8_t *outcome);

// What a `Retry-After` header says, in nanoseconds from now: a number of seconds or a date, for
// which `unix_seconds` is the wall clock's present. -1: never.
//
// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` for what is neither, with
// `SEAWALL_NO_HINT`; `INVALID_TEXT`, `NULL_ARGUMENT`.
seawall_status seawall_classify_retry_after(seawall_str value, uint64_t unix_seconds, int64_t *hint);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SEAWALL_H */
