/* What translated PTX runs on: bits of numbers, arithmetic that C does not have, memory that is checked, threads that
   take turns. Threads of a block are coroutines of one operating-system thread, so that every run is the same run. */
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

typedef unsigned __int128 uint128_t;
typedef __int128 int128_t;

/* ---- Threads ---- */

typedef struct {
    uint32_t tid[3];
    uint32_t number, waits_at; /* the line of the barrier, 0 while running */
    int done;
    jmp_buf leave;
    ucontext_t context;
} Thread;

typedef struct {
    uint64_t low, high; /* the half-open range of addresses of one array */
} Range;

enum { NONE, TRAP, OUTSIDE, DIVERGED, RUNAWAY, NO_MEMORY, RACE };

/* Of one byte of shared memory: who wrote and who read it last, and between which barriers (numbered, from 1). */
typedef struct {
    uint32_t writer, reader;
    uint64_t written, read;
} Shadow;

#define SEVERAL 0xffffffffu

typedef struct {
    int32_t code;
    uint32_t line, tid[3], ctaid[3], waiting, other_line, other;
    uint64_t address, size;
} Fault;

static uint32_t ntid[3], nctaid[3], ctaid[3];
static uint64_t steps, most_steps, dynamic_shared;
static char *shared, **parameters;
static uint64_t shared_low, shared_high, stack_low, stack_high;
static uint64_t phase; /* counts barriers, over all blocks */
static Shadow *shadows;
static Range *ranges, *hit;
static int n_ranges;
static Fault fault;
static ucontext_t scheduler;
static void (*entry)(Thread *);

static void stop(Thread *self, int code, uint32_t line) {
    fault.code = code;
    fault.line = line;
    memcpy(fault.tid, self->tid, sizeof fault.tid);
    memcpy(fault.ctaid, ctaid, sizeof fault.ctaid);
    longjmp(self->leave, 1);
}

static void barrier(Thread *self, uint32_t line) {
    self->waits_at = line;
    swapcontext(&self->context, &scheduler);
    self->waits_at = 0;
}

/* Labels passed are what is limited: a loop passes one per round. */
#define STEP(line) \
    if (__builtin_expect(++steps > most_steps, 0)) stop(self, RUNAWAY, line)

/* ---- Memory ---- */

static int inside(uint64_t address, uint64_t size, uint64_t low, uint64_t high) {
    return address >= low && size <= high - low && address - low <= high - low - size;
}

static uint64_t search(Thread *self, uint64_t address, uint64_t size, uint32_t line) {
    for (Range *range = ranges; range < ranges + n_ranges; range++)
        if (inside(address, size, range->low, range->high)) {
            hit = range;
            return address;
        }
    if (inside(address, size, shared_low, shared_high) || inside(address, size, stack_low, stack_high)) return address;
    fault.address = address;
    fault.size = size;
    stop(self, OUTSIDE, line);
    return 0;
}

static inline uint64_t at(Thread *self, uint64_t address, uint64_t size, uint32_t line) {
    return inside(address, size, hit->low, hit->high) ? address : search(self, address, size, line);
}

static uint64_t in_shared(Thread *self, uint64_t address, uint64_t size, uint32_t line) {
    if (inside(address, size, shared_low, shared_high)) return address;
    fault.address = address;
    fault.size = size;
    stop(self, OUTSIDE, line);
    return 0;
}

static void race(Thread *self, uint32_t other, uint32_t line) {
    fault.other = other;
    stop(self, RACE, line);
}

static uint64_t read_shared(Thread *self, uint64_t address, uint64_t size, uint32_t line) {
    Shadow *shadow = shadows + (in_shared(self, address, size, line) - shared_low);
    for (; size--; shadow++) {
        if (shadow->written == phase && shadow->writer != self->number) race(self, shadow->writer, line);
        shadow->reader = shadow->read == phase && shadow->reader != self->number ? SEVERAL : self->number;
        shadow->read = phase;
    }
    return address;
}

static uint64_t write_shared(Thread *self, uint64_t address, uint64_t size, uint32_t line) {
    Shadow *shadow = shadows + (in_shared(self, address, size, line) - shared_low);
    for (; size--; shadow++) {
        if (shadow->written == phase && shadow->writer != self->number) race(self, shadow->writer, line);
        if (shadow->read == phase && shadow->reader != self->number) race(self, shadow->reader, line);
        shadow->writer = self->number;
        shadow->written = phase;
    }
    return address;
}

/* ---- Bits ---- */

static inline double as_f64(uint64_t x) { double y; memcpy(&y, &x, 8); return y; }
static inline uint64_t as_b64(double x) { uint64_t y; memcpy(&y, &x, 8); return y; }
static inline float as_f32(uint32_t x) { float y; memcpy(&y, &x, 4); return y; }
static inline uint32_t as_b32(float x) { uint32_t y; memcpy(&y, &x, 4); return y; }

static inline uint32_t clz32(uint32_t x) { return x ? __builtin_clz(x) : 32; }
static inline uint32_t clz64(uint64_t x) { return x ? __builtin_clzll(x) : 64; }
static inline uint64_t brev64(uint64_t x) {
    uint64_t y = 0;
    for (int i = 0; i < 64; i++) y |= (x >> i & 1) << (63 - i);
    return y;
}
static inline uint32_t brev32(uint32_t x) { return brev64(x) >> 32; }

/* Position and length are taken modulo 256; what lies outside is the sign, or zero. */
static inline uint64_t bfe(uint64_t x, uint32_t from, uint32_t length, int bits, int is_signed) {
    uint64_t y = 0;
    int last;
    from &= 255;
    length &= 255;
    last = from + length - 1 < (uint32_t)bits - 1 ? (int)(from + length) - 1 : bits - 1;
    uint64_t fill = is_signed && length ? x >> last & 1 : 0;
    for (int i = 0; i < bits; i++)
        y |= (i < (int)length && (int)from + i < bits ? x >> (from + i) & 1 : fill) << i;
    return y;
}
static inline uint64_t bfi(uint64_t x, uint64_t into, uint32_t from, uint32_t length, int bits) {
    from &= 255;
    length &= 255;
    for (uint32_t i = 0; i < length && from + i < (uint32_t)bits; i++)
        into = (into & ~(1ull << (from + i))) | (x >> i & 1) << (from + i);
    return into;
}
/* The highest bit that differs from the sign; all ones if there is none. */
static inline uint32_t bfind(int64_t x, int bits, int is_signed, int shift) {
    uint64_t y = (is_signed && x < 0) ? ~x : x;
    if (bits == 32) y &= 0xffffffffu;
    if (!y) return 0xffffffffu;
    uint32_t place = 63 - clz64(y);
    return shift ? bits - 1 - place : place;
}
static inline uint32_t prmt(uint32_t a, uint32_t b, uint32_t select) {
    uint64_t both = (uint64_t)b << 32 | a;
    uint32_t y = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t nibble = select >> 4 * i & 15, byte = both >> 8 * (nibble & 7) & 255;
        if (nibble & 8) byte = byte & 128 ? 255 : 0;
        y |= byte << 8 * i;
    }
    return y;
}
static inline uint32_t lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
    uint32_t y = 0;
    for (int i = 0; i < 8; i++)
        if (table >> i & 1) y |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
    return y;
}
static inline uint32_t shf_left(uint32_t low, uint32_t high, uint32_t n) {
    return (((uint64_t)high << 32 | low) << n) >> 32;
}
static inline uint32_t shf_right(uint32_t low, uint32_t high, uint32_t n) {
    return ((uint64_t)high << 32 | low) >> n;
}

#define ADD_CARRY(wide, bits, x, y, in) ({ wide _sum = (wide)(x) + (y) + (in); carry = _sum >> bits & 1; _sum; })
#define SUB_BORROW(wide, bits, x, y, in) ({ wide _rest = (wide)(x) - (y) - (in); carry = _rest >> bits & 1; _rest; })

/* Division by zero is undefined in PTX; it must not end the process. */
#define DIV(type, x, y) ({ type _n = (x), _d = (y); _d == 0 ? (type)-1 : _d == (type)-1 && (type)-1 < 0 ? -_n : _n / _d; })
#define REM(type, x, y) ({ type _n = (x), _d = (y); _d == 0 ? _n : _d == (type)-1 && (type)-1 < 0 ? 0 : _n % _d; })
#define SHL(type, bits, x, n) ({ uint32_t _n = (n); _n >= bits ? (type)0 : (type)((x) << _n); })
#define SHR(type, bits, x, n) ({ uint32_t _n = (n); type _x = (x); _n >= bits ? (type)(_x < 0 ? -1 : 0) : (type)(_x >> _n); })

/* ---- Floating point ---- */

static inline float ftz_f32(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x; }
static inline double ftz_f64(double x) { return fabs(x) < 0x1p-1022 ? copysign(0, x) : x; }
/* NaN becomes 0. */
static inline float sat_f32(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }
static inline double sat_f64(double x) { return x > 0 ? (x < 1 ? x : 1) : 0; }

/* A number wins over NaN; -0 is below +0. */
#define EXTREME(name, type, isbelow, zero) \
    static inline type name(type x, type y) { \
        if (x != x) return y; \
        if (y != y) return x; \
        if (x == y) return zero ? x : y; \
        return x isbelow y ? x : y; \
    }
EXTREME(min_f64, double, <, signbit(x))
EXTREME(max_f64, double, >, !signbit(x))
EXTREME(min_f32, float, <, signbit(x))
EXTREME(max_f32, float, >, !signbit(x))

/* Rounded in one direction. What is volatile keeps the arithmetic between the two changes of the mode. */
#define DIRECTED(name, type, expression) \
    static type directed_##name(int mode, type x, type y, type z) { \
        volatile type a = x, b = y, c = z, result; \
        (void)b, (void)c; \
        fesetround(mode); \
        result = expression; \
        fesetround(FE_TONEAREST); \
        return result; \
    }
DIRECTED(add_f64, double, a + b)
DIRECTED(sub_f64, double, a - b)
DIRECTED(mul_f64, double, a *b)
DIRECTED(div_f64, double, a / b)
DIRECTED(fma_f64, double, fma(a, b, c))
DIRECTED(sqrt_f64, double, sqrt(a))
DIRECTED(rcp_f64, double, 1 / a)
DIRECTED(add_f32, float, a + b)
DIRECTED(sub_f32, float, a - b)
DIRECTED(mul_f32, float, a *b)
DIRECTED(div_f32, float, a / b)
DIRECTED(fma_f32, float, fmaf(a, b, c))
DIRECTED(sqrt_f32, float, sqrtf(a))
DIRECTED(rcp_f32, float, 1 / a)

#define DIRECTED_CONVERSION(name, from, to) \
    static to convert_##name(int mode, from x) { \
        volatile from a = x; \
        volatile to result; \
        fesetround(mode); \
        result = (to)a; \
        fesetround(FE_TONEAREST); \
        return result; \
    }
DIRECTED_CONVERSION(f32_f64, double, float)
DIRECTED_CONVERSION(f32_s64, int64_t, float)
DIRECTED_CONVERSION(f32_u64, uint64_t, float)
DIRECTED_CONVERSION(f64_s64, int64_t, double)
DIRECTED_CONVERSION(f64_u64, uint64_t, double)

/* To an integer: out of range becomes the end of the range. What NaN becomes is the caller's business. */
#define TO_INTEGER(name, type, low, above) \
    static inline type to_##name(double x, type nan) { \
        return x != x ? nan : x >= above ? (type)((uint64_t)above - 1) : x <= low ? (type)low : (type)x; \
    }
TO_INTEGER(s8, int8_t, -128., 128.)
TO_INTEGER(s16, int16_t, -32768., 32768.)
TO_INTEGER(s32, int32_t, -2147483648., 2147483648.)
TO_INTEGER(s64, int64_t, -9223372036854775808., 9223372036854775808.)
TO_INTEGER(u8, uint8_t, 0., 256.)
TO_INTEGER(u16, uint16_t, 0., 65536.)
TO_INTEGER(u32, uint32_t, 0., 4294967296.)
static inline uint64_t to_u64(double x, uint64_t nan) {
    return x != x ? nan : x >= 18446744073709551616. ? UINT64_MAX : x <= 0 ? 0 : (uint64_t)x;
}

/* The gross approximations of float64 look at 20 bits of the fraction and give 20. */
static inline double upper(double x) { return as_f64(as_b64(x) & 0xffffffff00000000ull); }
static inline double to_upper(double x) {
    return isfinite(x) ? as_f64((as_b64(ftz_f64(x)) + 0x80000000ull) & 0xffffffff00000000ull) : x;
}
static inline double rcp_gross(double x) { return to_upper(1 / ftz_f64(upper(x))); }
static inline double rsqrt_gross(double x) { return to_upper(1 / sqrt(ftz_f64(upper(x)))); }

/* ---- Launch ---- */

static void begin(uint32_t high, uint32_t low) {
    Thread *self = (Thread *)((uint64_t)high << 32 | low);
    if (!_setjmp(self->leave)) entry(self);
    self->done = 1;
    setcontext(&scheduler);
}

static void block_with_barriers(Thread *threads, uint32_t n, int backward, uint64_t stack) {
    for (uint32_t i = 0; i < n; i++) {
        Thread *self = threads + i;
        self->done = self->waits_at = 0;
        getcontext(&self->context);
        self->context.uc_stack.ss_sp = (char *)stack_low + i * stack + 4096;
        self->context.uc_stack.ss_size = stack - 4096;
        self->context.uc_link = 0;
        makecontext(&self->context, (void (*)())begin, 2, (uint32_t)((uint64_t)self >> 32), (uint32_t)(uint64_t)self);
    }
    for (uint32_t running = n; running; phase++) {
        uint32_t waiting = 0, line = 0, other = 0;
        for (uint32_t i = 0; i < n; i++) {
            Thread *self = threads + (backward ? n - 1 - i : i);
            if (self->done) continue;
            swapcontext(&scheduler, &self->context);
            if (fault.code) return;
            if (self->done) {
                running--;
                continue;
            }
            waiting++;
            if (!line) line = self->waits_at;
            if (self->waits_at != line) other = self->waits_at;
        }
        if (waiting && (waiting != n || other)) {
            fault.code = DIVERGED;
            fault.line = line;
            fault.other_line = other;
            fault.waiting = waiting;
            memcpy(fault.ctaid, ctaid, sizeof fault.ctaid);
            return;
        }
    }
}

static void block_without(Thread *threads, uint32_t n, int backward) {
    for (uint32_t i = 0; i < n && !fault.code; i++) {
        Thread *self = threads + (backward ? n - 1 - i : i);
        if (!_setjmp(self->leave)) entry(self);
    }
}

static int launch_grid(void (*function)(Thread *), int barriers, const uint32_t *grid, const uint32_t *block,
                       int backward, uint64_t limit, char **values, Range *known, int n_known, uint64_t shared_bytes,
                       uint64_t stack, Fault *report) {
    uint32_t n = block[0] * block[1] * block[2];
    uint64_t n_blocks = (uint64_t)grid[0] * grid[1] * grid[2], arena = 0;
    Thread *threads = calloc(n, sizeof *threads);
    memset(&fault, 0, sizeof fault);
    memcpy(ntid, block, sizeof ntid);
    memcpy(nctaid, grid, sizeof nctaid);
    entry = function, parameters = values, ranges = hit = known, n_ranges = n_known, steps = 0, most_steps = limit;
    shared = aligned_alloc(128, shared_bytes / 128 * 128 + 128);
    shadows = calloc(shared_bytes + 1, sizeof *shadows), phase = 0;
    shared_low = (uint64_t)shared, shared_high = shared_low + shared_bytes;
    if (barriers) {
        arena = n * stack;
        stack_low = (uint64_t)mmap(0, arena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        stack_high = stack_low + arena;
        if (stack_low == (uint64_t)MAP_FAILED) fault.code = NO_MEMORY;
        else /* Below every stack a page that ends the process where a neighbour would be overwritten. */
            for (uint32_t i = 0; i < n; i++) mprotect((char *)stack_low + i * stack, 4096, PROT_NONE);
    } else {
        stack_high = (uint64_t)&n + 4096;
        stack_low = stack_high - 8 * 1024 * 1024;
    }
    for (uint32_t i = 0; i < n; i++) {
        threads[i].number = i;
        threads[i].tid[0] = i % block[0];
        threads[i].tid[1] = i / block[0] % block[1];
        threads[i].tid[2] = i / (block[0] * block[1]);
    }
    for (uint64_t i = 0; i < n_blocks && !fault.code; i++) {
        uint64_t k = backward ? n_blocks - 1 - i : i;
        ctaid[0] = k % grid[0];
        ctaid[1] = k / grid[0] % grid[1];
        ctaid[2] = k / ((uint64_t)grid[0] * grid[1]);
        phase++;
        memset(shared, 0xff, shared_bytes); /* NaN, so that what was never written shows */
        if (barriers) block_with_barriers(threads, n, backward, stack);
        else block_without(threads, n, backward);
    }
    if (barriers && arena && stack_low != (uint64_t)MAP_FAILED) munmap((void *)stack_low, arena);
    free(shared);
    free(shadows);
    free(threads);
    *report = fault;
    return fault.code;
}
