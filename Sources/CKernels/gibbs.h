// SPDX-License-Identifier: Apache-2.0
//
// What the loops of optimal transport share: an exponential that the compiler can widen, and sums
// in lanes whose order is written here, so that every machine gives the same bits.
#ifndef FERRY_GIBBS_H
#define FERRY_GIBBS_H
#include "kernel.h"

#define FERRY_LANES 16

// exp(x) to 5e-16 relative from -708 to 709; 0 below, exp(709) above. Of NaN nothing is promised:
// the callers have checked. Cody and Waite's reduction, then Taylor's series to the 12th power:
// the 13th adds less than 2e-16 where |r| <= ln 2 / 2.
FERRY_BODY double gibbs_exp(double x) {
  const double magic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to a whole number
  double clamped = x < -708.0 ? -708.0 : x;
  clamped = clamped > 709.0 ? 709.0 : clamped;
  double shifted = clamped * 1.4426950408889634 + magic;
  double k = shifted - magic;
  double r = (clamped - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  double r2 = r * r, r4 = r2 * r2;
  // Estrin's scheme: short chains of dependent operations.
  double low = (1.0 + r) + r2 * (0.5 + r * 1.6666666666666666e-01);
  double middle = (4.1666666666666664e-02 + r * 8.3333333333333332e-03)
      + r2 * (1.3888888888888889e-03 + r * 1.9841269841269841e-04);
  double high = (2.4801587301587302e-05 + r * 2.7557319223985893e-06)
      + r2 * (2.7557319223985888e-07 + r * 2.5052108385441720e-08) + r4 * 2.0876756987868099e-09;
  double series = low + r4 * (middle + r4 * high);
  int64_t bits, base;
  memcpy(&bits, &shifted, sizeof bits);
  memcpy(&base, &magic, sizeof base);
  int64_t power_bits = (bits - base + 1023) << 52;
  double power;
  memcpy(&power, &power_bits, sizeof power);
  double result = series * power;
  return x < -708.0 ? 0.0 : result;
}

// exp(x) to 3e-7 relative from -87 to 88 as f32; 0 below, exp(88) above. The reduction is in f64, so
// that large arguments lose nothing; Taylor's series to the 7th power in f32.
FERRY_BODY float gibbs_expf(double x) {
  const double magic = 6755399441055744.0;
  double clamped = x < -87.0 ? -87.0 : x;
  clamped = clamped > 88.0 ? 88.0 : clamped;
  double k = (clamped * 1.4426950408889634 + magic) - magic;
  float r = (float)(clamped - k * 0.6931471805599453);
  int32_t exponent = (int32_t)k;
  float r2 = r * r;
  float low = (1.0f + r) + r2 * (0.5f + r * 1.6666667e-01f);
  float high = (4.1666667e-02f + r * 8.3333333e-03f) + r2 * (1.3888889e-03f + r * 1.9841270e-04f);
  float result = (low + (r2 * r2) * high) * float_of((uint32_t)(exponent + 127) << 23);
  return x < -87.0 ? 0.0f : result;
}

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

// `out` may be `sums`.
FERRY_BODY void relaxed_scalings(
    const double *restrict u, const double *sums, double theta, double *out,
    size_t n) {
  if (theta == 1.0) {
    for (size_t i = 0; i < n; i++) out[i] = 1.0 / sums[i];
  } else {
    for (size_t i = 0; i < n; i++) out[i] = u[i] * gibbs_exp(-theta * gibbs_log(u[i] * sums[i]));
  }
}

FERRY_BODY double lanes_sum(const double *lanes) {
  double eight[8];
  for (int l = 0; l < 8; l++) eight[l] = lanes[l] + lanes[l + 8];
  return ((eight[0] + eight[4]) + (eight[1] + eight[5]))
      + ((eight[2] + eight[6]) + (eight[3] + eight[7]));
}
#endif
