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

FERRY_BODY double lanes_sum(const double *lanes) {
  double eight[8];
  for (int l = 0; l < 8; l++) eight[l] = lanes[l] + lanes[l + 8];
  return ((eight[0] + eight[4]) + (eight[1] + eight[5]))
      + ((eight[2] + eight[6]) + (eight[3] + eight[7]));
}
#endif
