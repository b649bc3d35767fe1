// SPDX-License-Identifier: Apache-2.0

/// Refuses a marginal error, L1 over both sides as a share of the mass, that nothing could miss: two
/// distributions of one mass that have no point in common differ by 2.
func checkMarginalTolerance(_ tolerance: Double, at place: String) throws(TransportError) {
  guard tolerance > 0, tolerance < 2 else {
    throw TransportError(
      .badSetting, "the tolerance is \(tolerance)", at: place,
      remedy: "Give a marginal error above 0 and below 2, which any coupling meets; 1e-6 is usual.")
  }
}
