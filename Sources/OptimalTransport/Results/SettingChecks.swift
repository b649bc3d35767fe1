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

/// Refuses a share to be reached that is no number above 0.
func checkTolerance(_ tolerance: Double, at place: String) throws(TransportError) {
  guard tolerance > 0, tolerance.isFinite else {
    throw TransportError(
      .badSetting, "the tolerance is \(tolerance)", at: place,
      remedy: "Give a finite tolerance above 0.")
  }
}

/// Refuses a strength of entropy, in the unit of cost, below which rounding of costs alone moves
/// entries of the coupling by more than their size, or whose products overflow.
func checkEntropy(
  _ epsilon: Double, costs magnitude: Double, at place: String, without: String = ""
) throws(TransportError) {
  guard epsilon > 0, epsilon <= CostRange.strengthLimit, epsilon >= 1e-14 * magnitude else {
    throw TransportError(
      .badSetting, "epsilon is \(epsilon) for costs of up to \(magnitude)", at: place,
      remedy: "Give at least 1e-14 of the greatest cost, above 0, and at most "
        + "\(CostRange.strengthLimit)\(without).")
  }
}
