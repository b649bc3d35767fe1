// SPDX-License-Identifier: Apache-2.0
#include "gibbs.h"

// log(x) to 4e-16 absolute or relative, whichever is more, for normal x above 0; of anything else
// nothing is promised. x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log m by the series of the
// inverse hyperbolic tangent of (m - 1)/(m + 1).
FERRY_BODY double gibbs_log(double x) {
  const double magic = 4503599627370496.0;  // 2^52: whole numbers below it lie in its low bits
  uint64_t bits, magic_bits;
  memcpy(&bits, &x, sizeof bits);
  memcpy(&magic_bits, &magic, sizeof magic_bits);
  // 0x3fe6a09e... is sqrt(1/2): subtracting it makes the exponent's bits count from there.
  uint64_t offset = bits - 0x3fe6a09e667f3bcdull + (1023ull << 52);
  uint64_t exponent_bits = (offset >> 52) | magic_bits;
  double exponent;
  memcpy(&exponent, &exponent_bits, sizeof exponent);
  exponent = exponent - magic - 1023.0;
  uint64_t mantissa_bits = (offset & 0xfffffffffffffull) + 0x3fe6a09e667f3bcdull;
  double m;
  memcpy(&m, &mantissa_bits, sizeof m);
  double t = (m - 1.0) / (m + 1.0), t2 = t * t, t4 = t2 * t2, t8 = t4 * t4;
  double low = (1.0 / 3 + t2 * (1.0 / 5)) + t4 * (1.0 / 7 + t2 * (1.0 / 9));
  double high = (1.0 / 11 + t2 * (1.0 / 13)) + t4 * (1.0 / 15 + t2 * (1.0 / 17));
  double series = low + t8 * (high + t8 * (1.0 / 19 + t2 * (1.0 / 21)));
  return exponent * 6.93147180369123816490e-01
      + (2.0 * t + (exponent * 1.90821492927058770002e-10 + 2.0 * t * t2 * series));
}

FERRY_BODY void ferry_log_f64_body(const double *restrict x, double *restrict out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = gibbs_log(x[i]);
}

FERRY_KERNEL(void, ferry_log_f64, (const double *x, double *out, size_t n), (x, out, n))

FERRY_BODY void ferry_exp_f64_body(const double *restrict x, double *restrict out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = gibbs_exp(x[i]);
}

FERRY_KERNEL(void, ferry_exp_f64, (const double *x, double *out, size_t n), (x, out, n))

FERRY_BODY void ferry_relaxed_scalings_f64_body(
    const double *restrict u, const double *restrict sums, double theta, double *restrict out,
    size_t n) {
  if (theta == 1.0) {
    for (size_t i = 0; i < n; i++) out[i] = 1.0 / sums[i];
  } else {
    for (size_t i = 0; i < n; i++) out[i] = u[i] * gibbs_exp(-theta * gibbs_log(u[i] * sums[i]));
  }
}

FERRY_KERNEL(
    void, ferry_relaxed_scalings_f64,
    (const double *u, const double *sums, double theta, double *out, size_t n),
    (u, sums, theta, out, n))
