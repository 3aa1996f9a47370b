// Describes what the nodes of a topology do, as values: for plans of changes, and for explanations of what a task does
// and waits for. `TopologyDescription`, whose text is the same as Kafka's, shows none of this. Serdes and stores
// describe themselves too: see `Serde.format` and `StoreForm`.

import MoldauRecords

/// What a node of a topology does.
@usableFromInline
package enum OperatorDescription: Hashable, Sendable, Codable {
    /// Reads topics.
    case source(RecordFormat)
    /// Writes to a topic.
    case sink(RecordFormat)
    case filter
    case map
    case mapValues
    case selectKey
    case flatMap
    case flatMapValues
    /// - Parameter maxInFlight: how many closures of a task run at the same time.
    case mapValuesAsync(maxInFlight: Int)
    case transformValues
    case peek
    case forEach
    case merge
    case split
    case branch
    case process
    case processValues
    /// Keeps the rows of a table from a topic or a stream.
    case table
    case toStream
    /// Gives a table's rows the keys by which they are aggregated.
    case groupTable
    /// - Parameter windows: nil for an aggregation by key alone.
    case aggregate(Aggregation, windows: WindowDescription?, emit: EmissionDescription)
    /// Merges the changes that the nodes of one aggregation or join make.
    case gather(emit: EmissionDescription)
    /// Keeps the records of one side of a join of streams.
    case joinWindow(WindowDescription)
    case streamJoin(JoinKind, WindowDescription)
    /// Joins a stream with itself, by one node and one store; a join of different streams needs two of each.
    case selfJoin(JoinKind, WindowDescription)
    /// - Parameter graceMs: how long records wait for late rows; nil if they do not wait.
    case streamTableJoin(JoinKind, graceMs: Int64?)
    case streamGlobalTableJoin(JoinKind)
    case tableJoin(JoinKind)
    case foreignKeyJoin(JoinKind, ForeignKeyJoinStep)
    /// Drops records without a key before they go through a repartition topic, unless a join below accepts them.
    case repartition(partitions: Int32?)
    case suppress(SuppressionDescription)
    /// Precedes operators whose dropped records are diverted.
    case divert
    /// Receives the diverted records.
    case diverted
    /// A node that does not describe what it does.
    case custom
}

/// The names of the formats of records: `Serde.format`; nil if a serde has none.
@usableFromInline
package struct RecordFormat: Hashable, Sendable, Codable {
    package let key: String?
    package let value: String?

    @usableFromInline
    package init<Key, Value>(_ key: Serde<Key>, _ value: Serde<Value>) {
        (self.key, self.value) = (key.format, value.format)
    }
}

/// How the records of a key become one value.
@usableFromInline
package enum Aggregation: String, Hashable, Sendable, Codable {
    case count
    case reduce
    case aggregate
    case cogroup
}

/// Which records or rows without a match have a result.
@usableFromInline
package enum JoinKind: String, Hashable, Sendable, Codable {
    case inner
    case left
    case outer
}

/// When changes of a table are forwarded downstream.
@usableFromInline
package enum EmissionDescription: String, Hashable, Sendable, Codable {
    case everyChange
    case lastPerCommit
    case onWindowClose
}

/// Which windows an aggregation or a join of streams has, in milliseconds.
@usableFromInline
package enum WindowDescription: Hashable, Sendable, Codable {
    case tumbling(sizeMs: Int64, graceMs: Int64)
    case hopping(sizeMs: Int64, advanceMs: Int64, graceMs: Int64)
    case sliding(differenceMs: Int64, graceMs: Int64)
    case unlimited(startMs: Int64)
    case sessions(gapMs: Int64, graceMs: Int64)
    /// Custom windows.
    case custom(sizeMs: Int64, graceMs: Int64)
    case join(beforeMs: Int64, afterMs: Int64, graceMs: Int64)
}

/// The steps of a join by a foreign key, each a node: see `ForeignKeyRows`.
@usableFromInline
package enum ForeignKeyJoinStep: String, Hashable, Sendable, Codable {
    case subscribe
    case keepSubscriptions
    case answer
    case notify
    case resolve
    case askAgain
}

/// Which changes a suppression holds back.
@usableFromInline
package enum SuppressionDescription: Hashable, Sendable, Codable {
    case untilTimeLimit(ms: Int64)
    /// - Parameter graceMs: the grace period of the windows upstream.
    case untilWindowCloses(graceMs: Int64)
}

// MARK: - Text

extension OperatorDescription: CustomStringConvertible {
    @usableFromInline
    package var description: String {
        switch self {
        case .source(let format): "source of \(format)"
        case .sink(let format): "sink of \(format)"
        case .mapValuesAsync(let maxInFlight): "mapValuesAsync, \(maxInFlight) at a time"
        case .aggregate(let aggregation, let windows, let emit):
            aggregation.rawValue + (windows.map { " in \($0)" } ?? "") + ", emits \(emit.rawValue)"
        case .gather(let emit): "gather, emits \(emit.rawValue)"
        case .joinWindow(let windows): "joinWindow \(windows)"
        case .streamJoin(let kind, let windows): "\(kind.rawValue) streamJoin \(windows)"
        case .selfJoin(let kind, let windows): "\(kind.rawValue) selfJoin \(windows)"
        case .streamTableJoin(let kind, let graceMs):
            "\(kind.rawValue) streamTableJoin" + (graceMs.map { ", grace \($0) ms" } ?? "")
        case .streamGlobalTableJoin(let kind): "\(kind.rawValue) streamGlobalTableJoin"
        case .tableJoin(let kind): "\(kind.rawValue) tableJoin"
        case .foreignKeyJoin(let kind, let step): "\(kind.rawValue) foreignKeyJoin, \(step.rawValue)"
        case .repartition(let partitions): "repartition" + (partitions.map { " to \($0) partitions" } ?? "")
        case .suppress(let suppression): "suppress \(suppression)"
        case .filter: "filter"
        case .map: "map"
        case .mapValues: "mapValues"
        case .selectKey: "selectKey"
        case .flatMap: "flatMap"
        case .flatMapValues: "flatMapValues"
        case .transformValues: "transformValues"
        case .peek: "peek"
        case .forEach: "forEach"
        case .merge: "merge"
        case .split: "split"
        case .branch: "branch"
        case .process: "process"
        case .processValues: "processValues"
        case .table: "table"
        case .toStream: "toStream"
        case .groupTable: "groupTable"
        case .divert: "divert"
        case .diverted: "diverted"
        case .custom: "custom"
        }
    }
}

extension RecordFormat: CustomStringConvertible {
    @usableFromInline
    package var description: String { "\(key ?? "?") to \(value ?? "?")" }
}

extension WindowDescription: CustomStringConvertible {
    @usableFromInline
    package var description: String {
        switch self {
        case .tumbling(let size, let grace): "tumbling windows of \(size) ms, grace \(grace) ms"
        case .hopping(let size, let advance, let grace):
            "hopping windows of \(size) ms every \(advance) ms, grace \(grace) ms"
        case .sliding(let difference, let grace): "sliding windows of \(difference) ms, grace \(grace) ms"
        case .unlimited(let start): "one window from \(start) ms on"
        case .sessions(let gap, let grace): "sessions with gaps up to \(gap) ms, grace \(grace) ms"
        case .custom(let size, let grace): "custom windows of at most \(size) ms, grace \(grace) ms"
        case .join(let before, let after, let grace): "from \(before) ms before to \(after) ms after, grace \(grace) ms"
        }
    }
}

extension SuppressionDescription: CustomStringConvertible {
    @usableFromInline
    package var description: String {
        switch self {
        case .untilTimeLimit(let limit): "until \(limit) ms have passed"
        case .untilWindowCloses(let grace): "until the window closes, grace \(grace) ms"
        }
    }
}
