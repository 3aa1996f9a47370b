import MoldauRecords

/// The name of the store of an aggregate of windows: values with their timestamps.
public struct WindowStoreName<Key, Value>: SimpleStoreName, FollowableStoreName {
    /// The type of the opened store.
    public typealias Store = TimestampedWindowStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}

extension WindowStoreName {
    public func rowKey(in topic: String, windowSize: Duration) -> Serde<Windowed<Key>> {
        Windowed.windowStoreSerde(of: key.at(topic, .key), size: windowSize)
    }
}

/// The name of a store of sessions: that of an aggregate of sessions, or a processor's own.
public struct SessionStoreName<Key, Value>: SimpleStoreName, FollowableStoreName {
    /// The type of the opened store.
    public typealias Store = SessionStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}

extension SessionStoreName {
    public func rowKey(in topic: String, windowSize: Duration) -> Serde<Windowed<Key>> {
        Windowed.sessionSerde(of: key.at(topic, .key))
    }
}

/// The name of a processor's own store of windows.
public struct PlainWindowStoreName<Key, Value>: SimpleStoreName {
    /// The type of the opened store.
    public typealias Store = WindowStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}

/// The name of a processor's own store of windows with the timestamps and headers of their records.
public struct HeadersWindowStoreName<Key, Value>: SimpleStoreName {
    /// The type of the opened store.
    public typealias Store = HeadersWindowStore<Key, Value>
    public let name: String
    public let key: Serde<Key>
    public let value: Serde<Value>

    /// A store that encodes keys and values with the given serdes.
    public init(_ name: String, key: Serde<Key>, value: Serde<Value>) {
        (self.name, self.key, self.value) = (name, key, value)
    }
}
