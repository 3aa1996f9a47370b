// Untyped queries of stores: rows as JSON. Called on the thread that owns the store.

import MoldauRecords
import MoldauRuntime
import MoldauState

/// An entry of a store.
struct UntypedEntry: Sendable, Hashable {
    let key: JSONValue
    /// The window, for stores of windows or sessions.
    var window: Window?
    let value: JSONValue
    /// The timestamp, if the store keeps one with its values.
    var timestamp: Timestamp?
    /// When the next version begins, for versioned stores.
    var validTo: Timestamp?

    init(_ key: Any, _ row: Any, in window: Window? = nil) {
        self.key = JSONValue(showing: key)
        self.window = window
        guard let row = row as? any TimedRow else {
            value = JSONValue(showing: row)
            return
        }
        (value, timestamp, validTo) = (JSONValue(showing: row.value), row.timestamp, row.validTo)
    }
}

/// Which row of a key is requested.
enum RowPlace: Sendable, Hashable {
    /// The only one, or the newest.
    case only
    /// The version that was valid then, or the window that begins then.
    case at(Timestamp)
    case session(Window)
}

/// Which entries of a store are requested.
enum UntypedScan: Sendable {
    /// Keys by their bytes; nil means no bound.
    case range(from: [UInt8]?, to: [UInt8]?)
    case prefix([UInt8])
    /// Windows that begin in a time span, or sessions that overlap it; of all keys if it is nil.
    case windows(key: [UInt8]?, from: Timestamp, to: Timestamp)
}

/// Entries of a store, each with its place in the store.
typealias UntypedEntries = StorePageMerge<Void, UntypedEntry>.Slice

/// A store that can be read without its types.
protocol UntypedStore<Key> {
    associatedtype Key
    /// The supported queries, in words: `get and range`.
    static var questions: String { get }
    /// - Returns: nil if the key has none.
    /// - Throws: `WrongQuestion`.
    func entry(of key: Key, _ place: RowPlace) throws -> UntypedEntry?
    /// - Throws: `WrongQuestion`.
    func entries(_ scan: UntypedScan, reversed: Bool, key: Serde<Key>, atMost count: Int) throws -> UntypedEntries
}

/// The store does not support the query.
struct WrongQuestion: Error {}

extension UntypedStore {
    func entries(_ scan: UntypedScan, reversed: Bool, key: Serde<Key>, atMost count: Int) throws -> UntypedEntries {
        throw WrongQuestion()
    }
}

extension UntypedStore where Self: ReadableMap {
    static var questions: String { "get, range and prefix" }

    func entry(of key: Key, _ place: RowPlace) throws -> UntypedEntry? {
        guard place == .only else { throw WrongQuestion() }
        return try get(key).map { UntypedEntry(key, $0) }
    }

    func entries(_ scan: UntypedScan, reversed: Bool, key: Serde<Key>, atMost count: Int) throws -> UntypedEntries {
        let iterator: StoreIterator<Key, Row>
        switch scan {
        case .range(let first, let last):
            let (first, last) = (try first.map { try key.value(of: $0) }, try last.map { try key.value(of: $0) })
            iterator = try reversed ? reverseRange(from: first, to: last) : range(from: first, to: last)
        case .prefix(let bytes):
            guard !reversed else { throw WrongQuestion() }
            iterator = try prefixScan(bytes, serde: [UInt8].serde)
        case .windows: throw WrongQuestion()
        }
        return try StorePageMerge.slice(of: iterator, atMost: count) { StoreEntry(key: (), row: UntypedEntry($0, $1)) }
    }
}

extension UntypedStore where Self: ReadableWindows {
    static var questions: String { "windows, and get with the time at which a window begins (at)" }

    func entry(of key: Key, _ place: RowPlace) throws -> UntypedEntry? {
        guard case .at(let start) = place else { throw WrongQuestion() }
        // The start alone does not tell the window's end.
        return try fetch(key, from: start, to: start).next().map { UntypedEntry(key, $0.value, in: $0.key.window) }
    }

    func entries(_ scan: UntypedScan, reversed: Bool, key: Serde<Key>, atMost count: Int) throws -> UntypedEntries {
        guard case .windows(let bytes, let from, let to) = scan else { throw WrongQuestion() }
        let iterator: StoreIterator<Windowed<Key>, Row>
        if let bytes {
            let key = try key.value(of: bytes)
            iterator = try reversed ? reverseFetch(key, from: from, to: to) : fetch(key, from: from, to: to)
        } else {
            iterator =
                try reversed
                ? reverseFetch(keysFrom: nil, through: nil, from: from, to: to)
                : fetch(keysFrom: nil, through: nil, from: from, to: to)
        }
        return try windowed(iterator, atMost: count)
    }
}

private func windowed<Key, Row>(
    _ iterator: StoreIterator<Windowed<Key>, Row>, atMost count: Int
) throws -> UntypedEntries {
    try StorePageMerge.slice(of: iterator, atMost: count) {
        StoreEntry(key: (), row: UntypedEntry($0.key, $1, in: $0.window))
    }
}

extension KeyValueStore: UntypedStore {}
extension TimestampedKeyValueStore: UntypedStore {}
extension HeadersKeyValueStore: UntypedStore {}
extension WindowStore: UntypedStore {}
extension TimestampedWindowStore: UntypedStore {}
extension HeadersWindowStore: UntypedStore {}

extension LRUKeyValueStore: UntypedStore {
    static var questions: String { "get" }

    func entry(of key: Key, _ place: RowPlace) throws -> UntypedEntry? {
        guard place == .only else { throw WrongQuestion() }
        return try get(key).map { UntypedEntry(key, $0) }
    }
}

extension VersionedKeyValueStore: UntypedStore {
    static var questions: String { "get, of now or as of a time (at)" }

    func entry(of key: Key, _ place: RowPlace) throws -> UntypedEntry? {
        switch place {
        case .only: try get(key).map { UntypedEntry(key, $0) }
        case .at(let time): try get(key, asOf: time).map { UntypedEntry(key, $0) }
        case .session: throw WrongQuestion()
        }
    }
}

extension SessionStore: UntypedStore {
    static var questions: String { "sessions, and get with the start and end of a session" }

    func entry(of key: Key, _ place: RowPlace) throws -> UntypedEntry? {
        guard case .session(let window) = place else { throw WrongQuestion() }
        return try fetch(Windowed(key, in: window)).map { UntypedEntry(key, $0, in: window) }
    }

    func entries(_ scan: UntypedScan, reversed: Bool, key: Serde<Key>, atMost count: Int) throws -> UntypedEntries {
        guard case .windows(let bytes, let from, let to) = scan else { throw WrongQuestion() }
        let iterator: StoreIterator<Windowed<Key>, Value>
        if let bytes {
            let key = try key.value(of: bytes)
            iterator =
                try reversed
                ? reverseSessions(of: key, endingFrom: from, beginningTo: to)
                : sessions(of: key, endingFrom: from, beginningTo: to)
        } else {
            iterator =
                try reversed
                ? reverseSessions(keysFrom: nil, through: nil, endingFrom: from, beginningTo: to)
                : sessions(keysFrom: nil, through: nil, endingFrom: from, beginningTo: to)
        }
        return try windowed(iterator, atMost: count)
    }
}

// MARK: Rows with a timestamp

private protocol TimedRow<Value> {
    associatedtype Value
    var value: Value { get }
    var timestamp: Timestamp { get }
    var validTo: Timestamp? { get }
}

extension TimedRow {
    var validTo: Timestamp? { nil }
}

extension ValueAndTimestamp: TimedRow {}
extension RecordedValue: TimedRow {}
extension VersionedRecord: TimedRow {}
