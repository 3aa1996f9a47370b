import MoldauRecords
import MoldauTopology

/// A record as bytes.
public struct RawRecord: Hashable, Sendable {
    /// The key's bytes; nil is a null.
    public var key: [UInt8]?
    /// The value's bytes; nil is a null.
    public var value: [UInt8]?
    /// The time of the event.
    public var timestamp: Timestamp
    /// The headers, in the order in which they were added.
    public var headers: Headers

    /// A record from its parts; nil is null.
    public init(key: [UInt8]?, value: [UInt8]?, timestamp: Timestamp, headers: Headers = Headers()) {
        self.key = key
        self.value = value
        self.timestamp = timestamp
        self.headers = headers
    }

    init(_ view: RecordView) throws {
        self.init(
            key: view.key.map { Array($0) }, value: view.value.map { Array($0) }, timestamp: view.timestamp,
            headers: try view.headers())
    }

    func decoded<Key, Value>(key keySerde: Serde<Key>, value valueSerde: Serde<Value>) throws -> Record<Key, Value?> {
        let keyRead =
            try key.map { bytes in try bytes.withUnsafeBytes { try keySerde.read($0, headers: headers) } }
            ?? keySerde.decodeNull()
        let valueRead = try value.map { bytes in try bytes.withUnsafeBytes { try valueSerde.read($0, headers: headers) }
        }
        return Record(key: keyRead, value: valueRead, timestamp: timestamp, headers: headers)
    }
}

/// Why the test driver refused a call.
public enum TestDriverError: Error, Equatable, CustomStringConvertible {
    /// The topology does not read that topic.
    case unknownTopic(String, known: [String])
    /// The topology has no store of that name.
    case unknownStore(String, known: [String])
    /// The timestamp is before 1970.
    case negativeTimestamp(topic: String, ms: Int64)
    /// Asynchronous closures did not end, although nothing else was left to wait for. `inFlight` records await results.
    case asyncWorkStalled(inFlight: Int)

    public var description: String {
        switch self {
        case .unknownTopic(let name, let known):
            "the topology does not read '\(name)'; it reads \(known.joined(separator: ", "))"
        case .unknownStore(let name, let known):
            "the topology has no store '\(name)'; it has \(known.joined(separator: ", "))"
        case .negativeTimestamp(let topic, let ms):
            "the record for '\(topic)' is from \(ms) ms, before 1970; use a timestamp of 0 or more"
        case .asyncWorkStalled(let count):
            "asynchronous closures of \(count) record(s) did not end; if they wait for the wall clock or for the "
                + "test itself, use draining: .whenAsked"
        }
    }
}
