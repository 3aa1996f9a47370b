import Foundation
import MoldauRecords
import MoldauTopology

/// Why an application has no output, or less than expected: what happened to its records, and what it waits for.
///
/// A plain value: it can be encoded as JSON, and its `description` is text for people. It is about this process, and
/// counts since its threads began: what another process of the application does, that one tells.
public struct Explanation: Sendable, Hashable, Codable {
    /// The id of the application.
    public var application: String
    /// Its state.
    public var state: StreamsState
    /// Why there may be no output, in the order in which they should be looked at. Empty if all is well.
    public var reasons: [Reason]
    /// What went through each node, in the order of the topology.
    public var nodes: [Node]

    /// A node of the topology, and the records that went through it in all tasks of this process. A global table counts
    /// for each thread that keeps a copy.
    public struct Node: Sendable, Hashable, Codable {
        /// The name that it has in the topology's description.
        public var name: String
        /// What it does.
        public var operation: String
        /// The records that reached it: for a source, all that it read.
        public var recordsIn: Int64
        /// The records that it passed on; for a sink, those that it sent.
        public var recordsOut: Int64
        /// The records that it dropped, the most frequent reason first. See `Docs/DroppedRecords.md`.
        public var drops: [Drop]
    }

    /// Records that a node dropped for one reason.
    public struct Drop: Sendable, Hashable, Codable {
        /// Why.
        public var reason: DropReason
        /// How many.
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
        /// Its offset; for a record that could not be written, its place in the batch.
        public var offset: Offset
        /// The record's own time.
        public var time: Timestamp
        /// The key as text, or in hexadecimal if it is none; nil if it has none, or keys are not shown.
        public var key: String?
        /// The value, like the key.
        public var value: String?
    }
}

/// Why a store has no value for a key.
public struct KeyExplanation: Sendable, Hashable, Codable {
    /// The store's name.
    public var store: String
    /// The key, like that of a sample.
    public var key: String
    /// The partition that has the key; nil for a global table, and if it could not be found out.
    public var partition: Partition?
    /// The task that has it.
    public var task: TaskID?
    /// Whether this process works on the task.
    public var isHere: Bool
    /// Whether the store has a value for the key.
    public var hasValue: Bool
    /// Why it may have none: first what is known of this key, then what concerns the whole application.
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

/// Bytes as people can read them: as text, or in hexadecimal if they are no printable text. Long ones are cut.
func readable(_ bytes: [UInt8]) -> String {
    let isCut = bytes.count >= DropTally.sampleBytes
    let text = String(validating: bytes, as: UTF8.self)
    let shown = text.flatMap { $0.unicodeScalars.contains(where: \.isControl) ? nil : $0 }
    return (shown ?? "0x" + bytes.hexadecimal) + (isCut ? "…" : "")
}

extension Timestamp {
    /// As people read it, in UTC: `2026-03-01T12:00:05.250Z`; in milliseconds if it is of no year with four digits.
    var text: String {
        guard (0..<253_402_300_800_000).contains(ms) else { return self == .none ? "no time yet" : "\(ms) ms" }
        let text = Date(timeIntervalSince1970: Double(ms / 1_000)).formatted(.iso8601).dropLast()
        let rest = String(ms % 1_000)
        return "\(text).\(String(repeating: "0", count: 3 - rest.count))\(rest)Z"
    }
}
