// SPDX-License-Identifier: Apache-2.0

package import CoreMetrics

/// The backend behind swift-metrics: what rooms count ends in a `PrometheusRegistry`.
package struct PrometheusFactory: MetricsFactory {
  private let registry: PrometheusRegistry

  package init(registry: PrometheusRegistry) { self.registry = registry }

  package func makeCounter(
    label: String, dimensions: [(String, String)]
  ) -> any CounterHandler {
    Series(registry: registry, label: label, dimensions: dimensions)
  }

  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    aggregate
      ? Observed(registry: registry, label: label, dimensions: dimensions, scale: 1)
      : Series(registry: registry, label: label, dimensions: dimensions)
  }

  package func makeTimer(
    label: String, dimensions: [(String, String)]
  ) -> any TimerHandler {
    // Timers report nanoseconds; Prometheus counts in seconds, and the name says so.
    Observed(
      registry: registry, label: label.hasSuffix("seconds") ? label : "\(label).seconds",
      dimensions: dimensions, scale: 1e-9)
  }

  package func makeMeter(
    label: String, dimensions: [(String, String)]
  ) -> any MeterHandler {
    Series(registry: registry, label: label, dimensions: dimensions)
  }

  // The registry keeps every series until the process ends.
  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}
}

/// A counter or gauge.
private final class Series: CounterHandler, RecorderHandler, MeterHandler {
  private let registry: PrometheusRegistry
  private let label: String
  private let dimensions: [(String, String)]

  init(registry: PrometheusRegistry, label: String, dimensions: [(String, String)]) {
    self.registry = registry
    self.label = label
    self.dimensions = dimensions
  }

  func increment(by amount: Int64) { registry.increment(label, dimensions, by: Double(amount)) }
  func reset() { registry.reset(label, dimensions, .counter) }
  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { registry.set(label, dimensions, to: value) }
  func increment(by amount: Double) { registry.add(label, dimensions, amount) }
  func decrement(by amount: Double) { registry.add(label, dimensions, -amount) }
}

/// A timer, or a recorder of many values: sum and count.
private final class Observed: RecorderHandler, TimerHandler {
  private let registry: PrometheusRegistry
  private let label: String
  private let dimensions: [(String, String)]
  private let scale: Double

  init(
    registry: PrometheusRegistry, label: String, dimensions: [(String, String)], scale: Double
  ) {
    self.registry = registry
    self.label = label
    self.dimensions = dimensions
    self.scale = scale
  }

  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) { registry.observe(label, dimensions, value * scale) }
  func recordNanoseconds(_ duration: Int64) { record(Double(duration)) }
}
