import Foundation
import MoldauRecords
import MoldauTopology

/// Why an application has no output, or less than expected: what happened to its records, and what it waits for.
///
/// A plain value: it can be encoded as JSON, and its `description` is text for people. It covers this process, and its
/// counts start when its threads did; other processes of the application explain themselves.
public struct Explanation: Sendable, Hashable, Codable {
    /// The id of the application.
    public var application: String
    /// Its state.
    public var state: StreamsState
    /// Why there may be no output, in the order in which to check. Empty if all is well.
    public var reasons: [Reason]
    /// The records that went through each node, in the order of the topology.
    public var nodes: [Node]

    /// A node of the topology, and the records that went through it in all tasks of this process. A global table is
    /// counted once for each thread, since each keeps a copy.
    public struct Node: Sendable, Hashable, Codable {
        /// The node's name in the topology's description.
        public var name: String
        /// The node's operation.
        public var operation: String
        /// The records that reached it: for a source, all records read.
        public var recordsIn: Int64
        /// The records that it passed on: for a sink, those sent.
        public var recordsOut: Int64
        /// The records that it dropped, the most frequent reason first. See `Docs/DroppedRecords.md`.
        public var drops: [Drop]
    }

    /// Records that a node dropped for one reason.
    public struct Drop: Sendable, Hashable, Codable {
        /// The reason.
        public var reason: DropReason
        /// The number of records.
        public var count: Int64
        /// When the first one was dropped, by the wall clock.
        public var first: Timestamp
        /// When the last one was dropped, by the wall clock.
        public var last: Timestamp
        /// Some of the records: see `StreamsConfiguration.dropSamples`.
        public var samples: [Sample]
    }

    /// A dropped record.
    public struct Sample: Sendable, Hashable, Codable {
        /// The partition that it was read from; for a record that could not be written, the one it was written to.
        public var partition: TopicPartition
        /// The record's offset; for a record that could not be written, its index in the batch.
        public var offset: Offset
        /// The record's own timestamp.
        public var time: Timestamp
        /// The key as text, or in hexadecimal if it is not text; nil if it has none, or keys are not shown.
        public var key: String?
        /// The value, in the same form as the key.
        public var value: String?
    }
}

/// Why a store has no value for a key.
public struct KeyExplanation: Sendable, Hashable, Codable {
    /// The store's name.
    public var store: String
    /// The key, in the same form as a sample's.
    public var key: String
    /// The partition that has the key; nil for a global table, and if it could not be determined.
    public var partition: Partition?
    /// The task that has it.
    public var task: TaskID?
    /// Whether this process is running the task.
    public var isHere: Bool
    /// Whether the store has a value for the key.
    public var hasValue: Bool
    /// Why it may have none: first the reasons specific to this key, then those of the whole application.
    public var reasons: [Explanation.Reason]
}

// MARK: Text

extension Explanation: CustomStringConvertible {
    /// Text of many lines.
    public var description: String {
        let why =
            reasons.isEmpty
            ? ["Nothing holds it back: what it read went through."] : reasons.map { "- \($0) (\($0.page))" }
        let table = nodes.flatMap { node in
            ["  \(node.name) (\(node.operation)): \(node.recordsIn) in, \(node.recordsOut) out"]
                + node.drops.flatMap(Self.lines)
        }
        return (["\(application) is \(state)."] + why + ["Records by node:"] + table).joined(separator: "\n")
    }

    private static func lines(_ drop: Drop) -> [String] {
        let between = "first at \(drop.first.text), last at \(drop.last.text)"
        return ["    dropped \(drop.count) (\(drop.reason.rawValue)), \(between)"]
            + drop.samples.map { "      \($0)" }
    }
}

extension Explanation.Sample: CustomStringConvertible {
    public var description: String {
        "\(partition) at offset \(offset), time \(time.text): \(key ?? "-") = \(value ?? "-")"
    }
}

extension KeyExplanation: CustomStringConvertible {
    /// Text of several lines.
    public var description: String {
        let place = partition.map { "partition \($0)" + (task.map { ", task \($0)" } ?? "") } ?? "every thread"
        let fact = "'\(store)' has \(hasValue ? "a value" : "no value") for the key \(key) (\(place))."
        return ([fact] + reasons.map { "- \($0) (\($0.page))" }).joined(separator: "\n")
    }
}

extension Explanation.Sample {
    init(_ record: OriginalRecord) {
        partition = TopicPartition(record.origin.topic, record.origin.partition)
        (offset, time) = (record.origin.offset, record.timestamp)
        (key, value) = (record.key.map(readable), record.value.map(readable))
    }
}

/// Bytes in readable form: as text, or in hexadecimal if they are not printable text. Long ones are truncated.
func readable(_ bytes: [UInt8]) -> String {
    let isCut = bytes.count >= DropTally.sampleBytes
    let text = String(validating: bytes, as: UTF8.self)
    let shown = text.flatMap { $0.unicodeScalars.contains(where: \.isControl) ? nil : $0 }
    return (shown ?? "0x" + bytes.hexadecimal) + (isCut ? "…" : "")
}

extension Timestamp {
    /// The time in UTC: `2026-03-01T12:00:05.250Z`; in milliseconds if its year does not have four digits.
    var text: String {
        guard (0..<253_402_300_800_000).contains(ms) else { return self == .none ? "no time yet" : "\(ms) ms" }
        let text = Date(timeIntervalSince1970: Double(ms / 1_000)).formatted(.iso8601).dropLast()
        let rest = String(ms % 1_000)
        return "\(text).\(String(repeating: "0", count: 3 - rest.count))\(rest)Z"
    }
}
