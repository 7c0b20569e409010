/*
 * What a core can do with the selective scan, for notes/cpu.md: one fused loop with AVX-512 intrinsics,
 * [2048, 1536] x 16 states, softplus, direct path, gate. All states of 16 channels stay in registers over
 * 64 time steps. Not part of any build.
 *
 *   gcc -O3 -march=native scan.c -o scan -lm && taskset -c 0 ./scan
 *
 * prints medians of 15, the exponentials of the whole scan alone in the first-level cache, and the clock,
 * and fails if a channel differs from double precision.
 */
#include <immintrin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LENGTH = 2048, CHANNELS = 1536, STATES = 16, LANES = 16, STEPS = 64, AHEAD = 32, TIMES = 15 };

static const float LOG2E = 1.44269504f;

static float *u, *dt, *z, *a, *b, *c, *skip, *bias, *out;
static float state[CHANNELS / LANES][STATES][LANES];

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

static inline __m512 all(float x) {
  return _mm512_set1_ps(x);
}

/* 2^(x y), |x y| < 125. */
static inline __m512 exp2_product(__m512 x, __m512 y) {
  __m512 rounder = all(12582912.f);
  __m512 scale = _mm512_fmadd_ps(x, y, rounder);
  __m512 f = _mm512_fmsub_ps(x, y, _mm512_sub_ps(scale, rounder));
  __m512 p = _mm512_fmadd_ps(f, all(0x1.5bb9bp-10f), all(0x1.3ceae4p-7f));
  p = _mm512_fmadd_ps(p, f, all(0x1.c6b756p-5f));
  p = _mm512_fmadd_ps(p, f, all(0x1.ebf9bap-3f));
  p = _mm512_fmadd_ps(p, f, all(0x1.62e42ap-1f));
  p = _mm512_fmadd_ps(p, f, all(1.f));
  __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(scale), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), exponent));
}

/* max(x, 0) + log(1 + e^-|x|), the logarithm by a polynomial of degree 9 in e^-|x|. */
static inline __m512 softplus(__m512 x) {
  static const float L[] = {0x1.4b072ep-6f, -0x1.d8622ep-5f, 0x1.b57946p-4f, -0x1.3a7a5cp-3f,
                            0x1.935c94p-3f, -0x1.ff26dep-3f, 0x1.554dfp-2f,  -0x1.ffffd2p-2f};
  __m512 e = exp2_product(_mm512_abs_ps(x), all(-LOG2E));
  __m512 q = all(-0x1.b2f3b4p-9f);
  for (int i = 0; i < 8; i++) {
    q = _mm512_fmadd_ps(q, e, all(L[i]));
  }
  q = _mm512_fmadd_ps(_mm512_mul_ps(e, e), q, e);
  return _mm512_add_ps(_mm512_max_ps(x, all(0)), q);
}

static inline __m512 silu(__m512 x) {
  return _mm512_div_ps(x, _mm512_add_ps(all(1), exp2_product(x, all(-LOG2E))));
}

static inline void steps(int channel, int first, int prefetch) {
  __m512 h[STATES], rate[STATES];
  int vector = channel / LANES;
  for (int n = 0; n < STATES; n++) {
    h[n] = _mm512_loadu_ps(state[vector][n]);
    rate[n] = _mm512_mul_ps(_mm512_loadu_ps(a + n * CHANNELS + channel), all(LOG2E));
  }
  __m512 direct = _mm512_loadu_ps(skip + channel);
  __m512 offset = _mm512_loadu_ps(bias + channel);
  for (int t = first; t < first + STEPS; t++) {
    size_t at = (size_t)t * CHANNELS + channel;
    if (prefetch) {
      _mm_prefetch((const char *)(dt + at + AHEAD * CHANNELS), _MM_HINT_T0);
      _mm_prefetch((const char *)(u + at + AHEAD * CHANNELS), _MM_HINT_T0);
      _mm_prefetch((const char *)(z + at + AHEAD * CHANNELS), _MM_HINT_T0);
    }
    __m512 x = _mm512_loadu_ps(u + at);
    __m512 delta = softplus(_mm512_add_ps(_mm512_loadu_ps(dt + at), offset));
    __m512 input = _mm512_mul_ps(delta, x);
    __m512 even = _mm512_mul_ps(x, direct);
    __m512 odd = all(0);
#pragma GCC unroll 16
    for (int n = 0; n < STATES; n++) {
      __m512 enters = _mm512_mul_ps(input, all(b[t * STATES + n]));
      h[n] = _mm512_fmadd_ps(exp2_product(delta, rate[n]), h[n], enters);
      if (n % 2) {
        odd = _mm512_fmadd_ps(h[n], all(c[t * STATES + n]), odd);
      } else {
        even = _mm512_fmadd_ps(h[n], all(c[t * STATES + n]), even);
      }
    }
    __m512 y = _mm512_mul_ps(_mm512_add_ps(even, odd), silu(_mm512_loadu_ps(z + at)));
    _mm512_storeu_ps(out + at, y);
  }
  for (int n = 0; n < STATES; n++) {
    _mm512_storeu_ps(state[vector][n], h[n]);
  }
}

/* Blocks of channels, in them stretches of time, in them vectors of channels. */
static void scan(int block, int prefetch) {
  for (int i = 0; i < CHANNELS / LANES * STATES * LANES; i++) {
    (&state[0][0][0])[i] = 0;
  }
  for (int first = 0; first < CHANNELS; first += block) {
    for (int t = 0; t < LENGTH; t += STEPS) {
      for (int channel = first; channel < first + block; channel += LANES) {
        steps(channel, t, prefetch);
      }
    }
  }
}

static void exponentials(float *cache) {
  for (int k = 0; k < LENGTH / 32 * CHANNELS / LANES; k++) {
    for (int t = 0; t < 32; t++) {
      __m512 delta = _mm512_loadu_ps(cache + t * LANES);
      for (int n = 0; n < STATES; n++) {
        __m512 decay = exp2_product(delta, _mm512_loadu_ps(cache + 1024 + n * LANES));
        _mm512_storeu_ps(cache + 512 + n * LANES, decay);
      }
    }
    __asm__ volatile("" ::: "memory");
  }
}

/* Largest difference of a channel from double precision, over its largest value. */
static double difference(int channel) {
  double h[STATES] = {0}, largest = 0, worst = 0;
  for (int t = 0; t < LENGTH; t++) {
    size_t at = (size_t)t * CHANNELS + channel;
    double delta = log1p(exp((double)dt[at] + bias[channel]));
    double y = (double)u[at] * skip[channel];
    for (int n = 0; n < STATES; n++) {
      h[n] = exp(delta * a[n * CHANNELS + channel]) * h[n] + delta * u[at] * b[t * STATES + n];
      y += h[n] * c[t * STATES + n];
    }
    y *= z[at] / (1 + exp(-(double)z[at]));
    largest = fmax(largest, fabs(y));
    worst = fmax(worst, fabs(y - out[at]));
  }
  return worst / largest;
}

static int ascending(const void *left, const void *right) {
  double x = *(const double *)left - *(const double *)right;
  return x < 0 ? -1 : x > 0;
}

static double median(void (*work)(int, int), int block, int prefetch) {
  double times[TIMES];
  work(block, prefetch);
  for (int i = 0; i < TIMES; i++) {
    double start = milliseconds();
    work(block, prefetch);
    times[i] = milliseconds() - start;
  }
  qsort(times, TIMES, sizeof(double), ascending);
  return times[TIMES / 2];
}

static float *cache;

static void exponentials_alone(int block, int prefetch) {
  (void)block, (void)prefetch;
  exponentials(cache);
}

static double gigahertz(void) {
  double start = milliseconds();
  __m512 x = all(1);
  for (int i = 0; i < 3000000; i++) {
    x = _mm512_fmadd_ps(x, all(.999f), all(.1f));
    __asm__ volatile("" : "+v"(x));
  }
  return 3e6 * 4 / (milliseconds() - start) * 1e-6;
}

static float *floats(size_t count, double scale, double shift) {
  float *memory = malloc(count * sizeof(float));
  for (size_t i = 0; i < count; i++) {
    memory[i] = (float)(shift + scale * sin((double)i * 0.37 + shift));
  }
  return memory;
}

int main(void) {
  size_t rows = (size_t)LENGTH * CHANNELS, ahead = (size_t)AHEAD * CHANNELS;
  u = floats(rows + ahead, 1, 0);
  dt = floats(rows + ahead, 1, -2);
  z = floats(rows + ahead, 1, 0.3);
  a = floats(STATES * CHANNELS, 1, -4);
  b = floats(LENGTH * STATES, 1, 0.1);
  c = floats(LENGTH * STATES, 1, 0.2);
  skip = floats(CHANNELS, 0.1, 1);
  bias = floats(CHANNELS, 0.1, 0);
  out = floats(rows, 0, 0);
  cache = floats(2048, 0.1, -0.5);
  for (int prefetch = 0; prefetch < 2; prefetch++) {
    for (int block = LANES; block <= CHANNELS; block *= 2) {
      if (CHANNELS % block == 0) {
        double fused = median(scan, block, prefetch);
        double alone = median(exponentials_alone, 0, 0);
        printf("%s, blocks of %4d channels: %5.2f ms; exponentials alone %.2f ms; %.2f GHz\n",
               prefetch ? "with prefetch   " : "without prefetch", block, fused, alone, gigahertz());
      }
    }
  }
  double worst = fmax(difference(0), difference(CHANNELS - 1));
  printf("largest difference from double precision: %.1e of the largest value\n", worst);
  return worst < 1e-4 ? 0 : 1;
}
