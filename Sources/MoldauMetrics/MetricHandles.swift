internal import CoreMetrics
internal import Moldau

/// The handles of swift-metrics that an application's metrics are written to.
///
/// A counter is incremented by its growth since the last update; one that has become smaller was reset, because its
/// thread was restarted. A gauge becomes a meter. A summary becomes two counters, its count and its sum in seconds, and
/// a meter for each quantile. Handles of what is no longer measured are destroyed, so that their last values are not
/// reported for ever: tasks move.
struct MetricHandles {
    private struct Place: Hashable {
        let name: String
        let labels: [String]
    }

    private enum Handle {
        case counter(FloatingPointCounter, last: Double)
        case meter(Meter)
    }

    private let application: String
    private let factory: any MetricsFactory
    private var handles: [Place: Handle] = [:]
    private var isSeen: Set<Place> = []

    init(application: String, factory: any MetricsFactory) {
        (self.application, self.factory) = (application, factory)
    }

    /// Exports measurements that were taken together.
    mutating func update(_ measurements: [MetricSample]) {
        isSeen = []
        for measurement in measurements { update(measurement) }
        for (place, handle) in handles where !isSeen.contains(place) {
            destroy(handle)
            handles[place] = nil
        }
    }

    /// Destroys all handles.
    mutating func removeAll() { update([]) }

    private mutating func update(_ measurement: MetricSample) {
        let (metric, dimensions) = (measurement.metric, measurement.dimensions(in: application))
        switch measurement.value {
        case .number(let value) where metric.kind == .counter: count(metric.name, dimensions, value)
        case .number(let value): set(metric.name, dimensions, value)
        case .summary(let number, let sum, let quantiles):
            count("\(metric.name)_count", dimensions, Double(number))
            count("\(metric.name)_sum", dimensions, sum)
            for quantile in quantiles {
                set(metric.name, dimensions + [("quantile", "\(quantile.share)")], quantile.seconds)
            }
        }
    }

    private mutating func count(_ name: String, _ dimensions: [(String, String)], _ value: Double) {
        let place = place(name, dimensions)
        var counter: FloatingPointCounter
        var last = 0.0
        if case .counter(let known, let before)? = handles[place] {
            (counter, last) = (known, before)
        } else {
            counter = FloatingPointCounter(label: name, dimensions: dimensions, factory: factory)
        }
        let growth = value < last ? value : value - last
        if growth > 0 { counter.increment(by: growth) }
        handles[place] = .counter(counter, last: value)
    }

    private mutating func set(_ name: String, _ dimensions: [(String, String)], _ value: Double) {
        let place = place(name, dimensions)
        if case .meter(let meter)? = handles[place] { return meter.set(value) }
        let meter = Meter(label: name, dimensions: dimensions, factory: factory)
        meter.set(value)
        handles[place] = .meter(meter)
    }

    private mutating func place(_ name: String, _ dimensions: [(String, String)]) -> Place {
        let place = Place(name: name, labels: dimensions.map(\.1))
        isSeen.insert(place)
        return place
    }

    private func destroy(_ handle: Handle) {
        switch handle {
        case .counter(let counter, _): counter.destroy()
        case .meter(let meter): meter.destroy()
        }
    }
}
