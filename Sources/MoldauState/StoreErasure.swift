import MoldauRecords

extension StateStore {
    /// Empties a store whose changelog no longer leads to its data, so that it can be restored from where it now says that
    /// it is. Cost: one deletion per key. Before the first write.
    /// - Returns: false where the store does not stand on the built-in cache and cannot be emptied.
    package func erase() throws -> Bool {
        guard let store = self as? any CacheBackedStore else { return false }
        try store.cache.erase()
        return true
    }
}

extension CachedByteStore {
    private static let keysPerStep = 10_000

    func erase() throws(StateError) {
        try writeBehind(force: true)
        var keys = try someKeys()
        while !keys.isEmpty {
            for key in keys { try erase(key) }
            try writeBehind(force: true)
            keys = try someKeys()
        }
    }

    private func erase(_ key: [UInt8]) throws(StateError) {
        let result = key.withUnsafeBytes { bytes in
            Result { () throws(StateError) in try restore(bytes, nil) }
        }
        try result.get()
    }

    private func someKeys() throws(StateError) -> [[UInt8]] {
        let cursor = try byteStore.cursor(.all, reverse: false)
        var keys: [[UInt8]] = []
        while keys.count < Self.keysPerStep, let key = cursor.key {
            keys.append(Array(key))
            try cursor.advance()
        }
        return keys
    }
}
