/// Something that an application measures: its name, what the numbers mean, and by what they are told apart.
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
    /// What a number is of, beside `application`: a thread, a task, a node, a store. As many as the topology has.
    public let labels: [String]
    /// The name that Kafka Streams has for it; nil if it has none.
    public let kafkaName: String?
    /// What it means, in a sentence.
    public let meaning: String

    init(
        _ name: String, _ kind: Kind, _ unit: Unit, by labels: [String] = [], kafka kafkaName: String? = nil,
        _ meaning: String
    ) {
        (self.name, self.kind, self.unit, self.labels) = ("moldau_\(name)", kind, unit, labels)
        (self.kafkaName, self.meaning) = (kafkaName, meaning)
    }
}

/// A number of a metric, at one time.
public struct MetricSample: Sendable, Hashable {
    /// What was measured.
    public let metric: Metric
    /// What it is of: the values of the metric's labels, in their order.
    public let labels: [String]
    /// The number.
    public let value: Value

    /// A number, or what is known of many durations.
    public enum Value: Sendable, Hashable {
        /// Of a counter or a gauge.
        case number(Double)
        /// Of a summary: how many durations there were and their sum since the start, and the times within which a
        /// share of the last ones was done; in seconds.
        case summary(count: Int64, sum: Double, quantiles: [Quantile])
    }

    /// The time within which a share of all was done.
    public struct Quantile: Sendable, Hashable {
        /// From 0 to 1.
        public let share: Double
        /// In seconds.
        public let seconds: Double
    }
}

extension MetricSample {
    /// What it is told apart by, the application first: names and values.
    package func dimensions(in application: String) -> [(String, String)] {
        [("application", application)] + zip(metric.labels, labels)
    }
}

/// Collects what is measured.
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

    /// Nothing if there is no value.
    package mutating func add(_ metric: Metric, ifKnown value: Double?, _ labels: String...) {
        if let value { add(metric, .number(value), labels) }
    }

    /// Adds 1 or 0.
    package mutating func add(_ metric: Metric, _ flag: Bool, _ labels: String...) {
        add(metric, .number(flag ? 1 : 0), labels)
    }

    /// Adds a number, or what is known of many durations.
    package mutating func add(_ metric: Metric, _ value: MetricSample.Value, _ labels: [String]) {
        precondition(labels.count == metric.labels.count, "\(metric.name) has the labels \(metric.labels)")
        all.append(MetricSample(metric: metric, labels: labels, value: value))
    }

    /// Adds what others have collected.
    package mutating func add(_ others: Measurements) { all += others.all }
}
