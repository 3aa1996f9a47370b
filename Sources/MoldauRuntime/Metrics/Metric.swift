/// A quantity that an application measures: its name, its meaning, and the labels that distinguish its values.
///
/// Names are those of Kafka Streams where it has the same metric, with the prefix `moldau` and underscores, as
/// Prometheus wants them: `process-total` of `stream-thread-metrics` is `moldau_thread_process_total`. All metrics are
/// listed in `Docs/Operating.md`.
public struct Metric: Sendable, Hashable {
    /// How the numbers behave.
    public enum Kind: String, Sendable, Hashable {
        /// Only grows; begins at 0 when the application or the thread starts.
        case counter
        /// Goes up and down.
        case gauge
        /// Durations: their number and sum since the start, and quantiles of the last 30 to 60 seconds.
        case summary
    }

    /// The unit of the numbers.
    public enum Unit: String, Sendable, Hashable {
        /// Records.
        case records
        /// Bytes.
        case bytes
        /// Seconds, with a fraction.
        case seconds
        /// Commits of stream threads.
        case commits
        /// Tasks.
        case tasks
        /// State stores.
        case stores
        /// Stream threads.
        case threads
        /// Reads of keys from a store.
        case reads
        /// Errors.
        case errors
        /// Partitions.
        case partitions
        /// Consumer groups.
        case groups
        /// Connections of clients.
        case connections
        /// Requests of clients.
        case requests
        /// Thread failures, rebalances and the like.
        case times
        /// A share from 0 to 1.
        case ratio
        /// 1 for yes, 0 for no.
        case flag
    }

    /// The name in Prometheus' form.
    public let name: String
    /// How the numbers behave.
    public let kind: Kind
    /// The unit of the numbers.
    public let unit: Unit
    /// The labels of a value, besides `application`: a thread, a task, a node, a store. As many as the topology has.
    public let labels: [String]
    /// Kafka Streams' name of the metric; nil if it has none.
    public let kafkaName: String?
    /// The meaning, in a sentence.
    public let meaning: String

    init(
        _ name: String, _ kind: Kind, _ unit: Unit, by labels: [String] = [], kafka kafkaName: String? = nil,
        _ meaning: String
    ) {
        (self.name, self.kind, self.unit, self.labels) = ("moldau_\(name)", kind, unit, labels)
        (self.kafkaName, self.meaning) = (kafkaName, meaning)
    }
}

/// A value of a metric, at one time.
public struct MetricSample: Sendable, Hashable {
    /// The metric.
    public let metric: Metric
    /// The values of the metric's labels, in their order.
    public let labels: [String]
    /// The value.
    public let value: Value

    /// A number, or statistics of many durations.
    public enum Value: Sendable, Hashable {
        /// The value of a counter or a gauge.
        case number(Double)
        /// The value of a summary: the count and sum of durations since the start, and quantiles of the recent ones; in
        /// seconds.
        case summary(count: Int64, sum: Double, quantiles: [Quantile])
    }

    /// The duration that a share of all did not exceed.
    public struct Quantile: Sendable, Hashable {
        /// The share, from 0 to 1.
        public let share: Double
        /// The duration, in seconds.
        public let seconds: Double
    }
}

extension MetricSample {
    /// The labels with their values, the application first.
    package func dimensions(in application: String) -> [(String, String)] {
        [("application", application)] + zip(metric.labels, labels)
    }
}

/// Collects measurements.
package struct Measurements: Sendable {
    package private(set) var all: [MetricSample] = []

    package init() {}

    /// Adds a number.
    /// - Parameter labels: as many as the metric has.
    package mutating func add(_ metric: Metric, _ value: some BinaryInteger, _ labels: String...) {
        add(metric, .number(Double(value)), labels)
    }

    /// Adds a number.
    package mutating func add(_ metric: Metric, _ value: Double, _ labels: String...) {
        add(metric, .number(value), labels)
    }

    /// Adds a number; no-op if it is nil.
    package mutating func add(_ metric: Metric, ifKnown value: Double?, _ labels: String...) {
        if let value { add(metric, .number(value), labels) }
    }

    /// Adds 1 or 0.
    package mutating func add(_ metric: Metric, _ flag: Bool, _ labels: String...) {
        add(metric, .number(flag ? 1 : 0), labels)
    }

    /// Adds a number, or statistics of many durations.
    package mutating func add(_ metric: Metric, _ value: MetricSample.Value, _ labels: [String]) {
        precondition(labels.count == metric.labels.count, "\(metric.name) has the labels \(metric.labels)")
        all.append(MetricSample(metric: metric, labels: labels, value: value))
    }

    /// Adds the measurements of others.
    package mutating func add(_ others: Measurements) { all += others.all }
}
