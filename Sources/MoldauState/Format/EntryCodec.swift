import MoldauRecords

/// A store's serdes, each with a buffer that is reused from call to call.
@usableFromInline
struct EntryCodec<Key, Value>: ~Copyable {
    @usableFromInline let store: String
    @usableFromInline let key: Serde<Key>
    @usableFromInline let value: Serde<Value>
    // Behind pointers: each write to a class's own variable costs an exclusivity check.
    @usableFromInline let keyWriter: UnsafeMutablePointer<ByteWriter>
    @usableFromInline let valueWriter: UnsafeMutablePointer<ByteWriter>

    /// The serdes' null checks, kept here because access to a whole `Null` costs reference counting.
    @usableFromInline let isNullKey: (@Sendable (Key) -> Bool)?
    @usableFromInline let isNullValue: (@Sendable (Value) -> Bool)?

    /// Per-topic serdes are made for the store's changelog.
    @inlinable init(_ cache: CachedByteStore, key: Serde<Key>, value: Serde<Value>) {
        store = cache.name
        self.key = key.at(cache.topic, .key)
        self.value = value.at(cache.topic, .value)
        isNullKey = self.key.null?.isNull
        isNullValue = self.value.null?.isNull
        keyWriter = .allocate(capacity: 1)
        keyWriter.initialize(to: ByteWriter())
        valueWriter = .allocate(capacity: 1)
        valueWriter.initialize(to: ByteWriter())
    }

    @inlinable deinit {
        for writer in [keyWriter, valueWriter] {
            writer.deinitialize(count: 1)
            writer.deallocate()
        }
    }

    /// Encodes a key into the key buffer; `before` and `behind` may add bytes before and after it.
    /// - Returns: the bytes, valid until the next key is encoded.
    /// - Throws: `StateError.nullKey` for a key that is encoded as a null.
    @inlinable @inline(__always) func bytes(
        of key: Key, before: (inout ByteWriter) -> Void = { _ in }, behind: (inout ByteWriter) -> Void = { _ in }
    ) throws -> UnsafeRawBufferPointer {
        if let isNullKey, isNullKey(key) { throw StateError.nullKey(store: store) }
        keyWriter.pointee.removeAll()
        before(&keyWriter.pointee)
        try self.key.encode(key, &keyWriter.pointee)
        behind(&keyWriter.pointee)
        return keyWriter.pointee.bytes
    }

    /// Encodes a value; nil for no value and for one that is encoded as a null. Valid until the next value is encoded.
    @inlinable @inline(__always) func bytes(of value: Value?) throws -> UnsafeRawBufferPointer? {
        guard let value, !(isNullValue?(value) ?? false) else { return nil }
        valueWriter.pointee.removeAll()
        try self.value.encode(value, &valueWriter.pointee)
        return valueWriter.pointee.bytes
    }

    @inlinable @inline(__always) func decode(_ bytes: UnsafeRawBufferPointer?) throws -> Value? {
        guard let bytes else { return nil }
        do { return try value.decode(bytes) } catch { throw unreadable(error, in: store) }
    }

    /// Like `bytes(of:)`, for a value with its timestamp before it: does what `ValueAndTimestamp.serde` does, in code
    /// that is specialised wherever the store was made.
    @inlinable @inline(__always) func bytes(of row: ValueAndTimestamp<Value>?) throws -> UnsafeRawBufferPointer? {
        guard let row, !(isNullValue?(row.value) ?? false) else { return nil }
        valueWriter.pointee.removeAll()
        valueWriter.pointee.append(bigEndian: row.timestamp.ms)
        try value.encode(row.value, &valueWriter.pointee)
        return valueWriter.pointee.bytes
    }

    @inlinable @inline(__always) func decodeRow(_ bytes: UnsafeRawBufferPointer?) throws -> ValueAndTimestamp<Value>? {
        guard let bytes else { return nil }
        guard let (time, rest) = splitTime(bytes) else { throw unreadable(tooShort(bytes.count), in: store) }
        do { return ValueAndTimestamp(try value.decode(rest), at: time) } catch {
            throw unreadable(error, in: store)
        }
    }

    @usableFromInline func tooShort(_ count: Int) -> SerdeError { .wrongRow(of: Value.self, got: count) }
}

/// Turns a serde's error about stored bytes into a store error: it is not the fault of the record being processed.
@usableFromInline @inline(never) func unreadable(_ error: any Error, in store: String) -> StateError {
    error as? StateError ?? .damaged(store: store, reason: "\(error)")
}
