/// A name and some bytes that a record carries beside its key and value. Several headers may have the same name.
public struct Header: Hashable, Sendable {
    /// The name; a record may have several headers of one name.
    public var name: String
    /// The bytes; nil is a null, which is not the same as no bytes.
    public var value: [UInt8]?

    /// A header whose value is bytes; nil is null.
    public init(_ name: String, _ value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    /// A header whose value is text, as UTF-8.
    public init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }
}

/// A record's headers, in the order in which they were added.
public struct Headers: Hashable, Sendable, RandomAccessCollection, ExpressibleByArrayLiteral {
    /// nil if there are none, never an empty array: a record without headers then needs no reference counting.
    @usableFromInline var entries: [Header]?

    /// No headers.
    @inlinable public init() { entries = nil }
    /// These headers, in this order.
    @inlinable public init(_ entries: [Header]) { self.entries = entries.isEmpty ? nil : entries }
    /// These headers, in this order.
    public init(arrayLiteral entries: Header...) { self.init(entries) }

    @inlinable public var startIndex: Int { 0 }
    @inlinable public var endIndex: Int { entries?.count ?? 0 }
    /// Whether there are none.
    @inlinable public var isEmpty: Bool { entries == nil }
    /// The header at `index`, in the order in which they were added.
    @inlinable public subscript(index: Int) -> Header { (entries ?? [])[index] }

    /// The value of the last header of that name; nil if there is none or its value is null.
    public subscript(name: String) -> [UInt8]? { entries?.last { $0.name == name }?.value }

    /// Adds a header at the end; others of the same name stay.
    public mutating func append(_ header: Header) { entries = (entries ?? []) + [header] }
    /// Removes all headers of that name.
    public mutating func removeAll(named name: String) { self = Headers((entries ?? []).filter { $0.name != name }) }
}

/// A record that flows through a topology: a key, a value, the time of the event, and headers.
public struct Record<Key, Value> {
    /// The key: it determines the partition, and what aggregations and joins treat as equal.
    public var key: Key
    /// The value.
    public var value: Value
    /// The time of the event.
    public var timestamp: Timestamp
    /// The headers, in the order in which they were added.
    public var headers: Headers

    /// A record from its parts.
    @inlinable public init(key: Key, value: Value, timestamp: Timestamp, headers: Headers = Headers()) {
        self.key = key
        self.value = value
        self.timestamp = timestamp
        self.headers = headers
    }

    /// The same record with another key.
    @inlinable public func with<NewKey>(key: NewKey) -> Record<NewKey, Value> {
        Record<NewKey, Value>(key: key, value: value, timestamp: timestamp, headers: headers)
    }

    /// The same record with another value.
    @inlinable public func with<NewValue>(value: NewValue) -> Record<Key, NewValue> {
        Record<Key, NewValue>(key: key, value: value, timestamp: timestamp, headers: headers)
    }

    /// The same record with another key and value.
    @inlinable public func with<NewKey, NewValue>(key: NewKey, value: NewValue) -> Record<NewKey, NewValue> {
        Record<NewKey, NewValue>(key: key, value: value, timestamp: timestamp, headers: headers)
    }

    /// The same record at another time.
    @inlinable public func with(timestamp: Timestamp) -> Record {
        Record(key: key, value: value, timestamp: timestamp, headers: headers)
    }
}

extension Record: Sendable where Key: Sendable, Value: Sendable {}
extension Record: Equatable where Key: Equatable, Value: Equatable {}
