import MoldauRecords

extension StateStore {
    /// Empties a store whose changelog no longer matches its data, so that it can be restored from the position that it
    /// then reports. Cost: one deletion per key. Only before the first write.
    /// - Returns: false if the store is not built on the built-in cache and cannot be emptied.
    package func erase(because reason: String) throws -> Bool {
        guard let cache = (self as? any CacheBackedStore)?.cache else { return false }
        let before = cache.metadata
        try cache.erase(as: before.form, because: reason)
        // It is still the same store, of the same topics.
        (cache.metadata.bucketMs, cache.metadata.changelogID) = (before.bucketMs, before.changelogID)
        cache.metadata.topicIDs = before.topicIDs
        return true
    }
}

extension StateStore {
    /// Why the store was emptied when it was opened; nil if it was not.
    package var erasedBecause: String? { (self as? any CacheBackedStore)?.cache.erasedBecause }
}

extension CachedByteStore {
    /// How many rows are processed at a time.
    static let rowsPerStep = 10_000

    /// Compares the wanted form and topic with those of the stored data, and empties the store if needed. Before the
    /// first use.
    /// - Parameter origin: the topic that the data comes from. A store with data of another topic starts empty, and so
    ///   does a store of another form if that topic, which others write, has all of its content.
    /// - Throws: `StateError.changed`.
    func take(_ wanted: StoreForm?, from origin: StoreOrigin?, in directory: String) throws(StateError) {
        defer { if let origin { metadata.note(origin) } }
        let held = metadata.form
        if held?.shape == .emptied { return try erase(as: wanted, because: "the store was being emptied") }
        // Also without rows: the stored positions belong to that topic too.
        if let reason = origin.flatMap({ metadata.mismatch(with: $0) }) {
            return try erase(as: wanted, because: reason)
        }
        guard let wanted else { return }
        if let held, wanted.reads(held) {
            metadata.form = wanted.knowing(held)
            return
        }
        var was = held?.description
        if was == nil, byteStore.mayHoldData { was = try unlikeRows(wanted) }
        guard let was else {
            metadata.form = wanted
            return
        }
        if origin?.isChangelog == false {
            return try erase(as: wanted, because: "the store was \(was) and is \(wanted)")
        }
        throw .changed(store: name, directory: directory, was: was, wanted: wanted.description)
    }

    /// Describes the rows of a store from a version that did not record its form, if they do not have the wanted form.
    /// - Returns: nil if the rows may be of the wanted form. Windows and versions can be recognised by their rows;
    ///   otherwise the definition is trusted.
    private func unlikeRows(_ wanted: StoreForm) throws(StateError) -> String? {
        var guess = RowGuess()
        var rows = try someRows(from: [])
        while let last = rows.last?.key, guess.isOpen {
            for row in rows where guess.isOpen { guess.look(at: row.key, row.value) }
            rows = try someRows(from: last + [0])
        }
        return guess.mismatch(with: wanted.shape)
    }

    /// Empties the store, as its content is useless. If the process ends in the middle, the next start does it again.
    package func erase(as form: StoreForm?, because reason: String) throws(StateError) {
        // First reset the positions: if the process ends in the middle, everything is restored from the beginning.
        metadata = StoreMetadata()
        metadata.form = StoreForm(.emptied, key: nil, value: nil)
        try deleteAllRows()
        metadata = StoreMetadata()
        metadata.form = form
        try writeBehind(force: true)
        erasedBecause = reason
    }

    private func deleteAllRows() throws(StateError) {
        try writeBehind(force: true)
        var rows = try someRows(from: [])
        while !rows.isEmpty {
            for row in rows { try write(row.key, nil) }
            try writeBehind(force: true)
            rows = try someRows(from: [])
        }
    }

    /// Calls `body` with each stored row, in key order, in steps; it may change rows by `write`. Each step is saved.
    func rewriteRows(_ body: ((key: [UInt8], value: [UInt8])) throws(StateError) -> Void) throws(StateError) {
        var rows = try someRows(from: [])
        while let last = rows.last?.key {
            for row in rows { try body(row) }
            if !unsaved.isEmpty { try writeBehind(force: true) }
            rows = try someRows(from: last + [0])
        }
    }

    /// Sets a row the way a changelog record does.
    func write(_ key: [UInt8], _ value: [UInt8]?) throws(StateError) {
        let result = key.withUnsafeBytes { key in
            Result { () throws(StateError) in
                guard let value else { return try restore(key, nil) }
                let result = value.withUnsafeBytes { value in
                    Result { () throws(StateError) in try restore(key, value) }
                }
                try result.get()
            }
        }
        try result.get()
    }

    func someRows(from first: [UInt8], count: Int = rowsPerStep) throws(StateError) -> [(key: [UInt8], value: [UInt8])]
    {
        let cursor = try byteStore.cursor(KeyRange(from: first), reverse: false)
        var rows: [(key: [UInt8], value: [UInt8])] = []
        while rows.count < count, let key = cursor.key {
            rows.append((Array(key), Array(cursor.value)))
            try cursor.advance()
        }
        return rows
    }
}
