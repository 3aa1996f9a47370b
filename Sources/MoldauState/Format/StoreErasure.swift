import MoldauRecords

extension StateStore {
    /// Empties a store whose changelog no longer leads to its data, so that it can be restored from where it now says that
    /// it is. Cost: one deletion per key. Before the first write.
    /// - Returns: false where the store does not stand on the built-in cache and cannot be emptied.
    package func erase(because reason: String) throws -> Bool {
        guard let cache = (self as? any CacheBackedStore)?.cache else { return false }
        let before = cache.metadata
        try cache.beginAnew(as: before.form, because: reason)
        // It is still the store that it was made as, of the topics that it was opened for.
        (cache.metadata.bucketMs, cache.metadata.changelogID) = (before.bucketMs, before.changelogID)
        cache.metadata.topicIDs = before.topicIDs
        return true
    }

    /// Lets all rows go to the changelog again, with the next commits: it has lost some. Where the process ends half-way, the
    /// next one goes on. Before the first write.
    /// - Parameter end: where the changelog ends.
    /// - Returns: false where the store does not stand on the built-in cache.
    package func rewriteChangelog(from end: Offset) throws -> Bool {
        guard let cache = (self as? any CacheBackedStore)?.cache else { return false }
        cache.metadata.changelogOffset = end
        cache.metadata.rewriteFrom = []
        try cache.writeBehind(force: true)
        try cache.byteStore.flush()
        return true
    }

    /// Takes some of the rows that are to go to the changelog again among the changes. To be called before changes are drained.
    package func resumeRewriting() throws { try (self as? any CacheBackedStore)?.cache.resumeRewriting() }
}

extension StateStore {
    /// Why the store begins anew, where it does though it held something.
    package var begunAnewBecause: String? { (self as? any CacheBackedStore)?.cache.begunAnewBecause }
}

extension CachedByteStore {
    private static let rowsPerStep = 10_000

    /// Says what the store holds, and looks whether that is what it has held so far. Before the first use.
    /// - Parameter origin: the topic that leads to the data. A store that is of another one begins anew, and so does one that
    ///   is of another form where the topic of others has all of it.
    /// - Throws: `StateError.changed`.
    func take(_ wanted: StoreForm?, from origin: StoreOrigin?, in directory: String) throws(StateError) {
        defer { if let origin { metadata.note(origin) } }
        let held = metadata.form
        if held?.shape == .emptied { return try beginAnew(as: wanted, because: "the store was being emptied") }
        // Whether or not it has rows: how far it is tells of that topic, too.
        if let reason = origin.flatMap({ metadata.mismatch(with: $0) }) {
            return try beginAnew(as: wanted, because: reason)
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
            return try beginAnew(as: wanted, because: "the store was \(was) and is \(wanted)")
        }
        throw .changed(store: name, directory: directory, was: was, wanted: wanted.description)
    }

    /// What the rows of a store are that does not say it, because it is of the time before stores did.
    /// - Returns: nil where they may be what is wanted. Windows and versions are known by their rows; for others the definition
    ///   has to be believed.
    private func unlikeRows(_ wanted: StoreForm) throws(StateError) -> String? {
        var guess = RowGuess()
        var rows = try someRows(from: [])
        while let last = rows.last?.key, guess.isOpen {
            for row in rows where guess.isOpen { guess.look(at: row.key, row.value) }
            rows = try someRows(from: last + [0])
        }
        return guess.mismatch(with: wanted.shape)
    }

    /// Empties the store: what it held is of no use. Where the process ends half-way, the next start does it again.
    package func beginAnew(as form: StoreForm?, because reason: String) throws(StateError) {
        // First that it stands at the beginning of everything: should the process end half-way, all of it comes again.
        metadata = StoreMetadata()
        metadata.form = StoreForm(.emptied, key: nil, value: nil)
        try erase()
        metadata = StoreMetadata()
        metadata.form = form
        try writeBehind(force: true)
        begunAnewBecause = reason
    }

    func resumeRewriting() throws(StateError) {
        guard let first = metadata.rewriteFrom else { return }
        let rows = try someRows(from: first)
        for row in rows { try touch(row.key) }
        metadata.rewriteFrom = rows.last.map { $0.key + [0] }
    }

    /// Counts a row as written, with the value that it has now.
    private func touch(_ key: [UInt8]) throws(StateError) {
        let result = key.withUnsafeBytes { key in
            Result { () throws(StateError) in
                let update = try beginUpdate(key)
                defer { endUpdate() }
                // What was deleted meanwhile goes on its own.
                guard let value = update.value.map({ Array($0) }) else { return }
                value.withUnsafeBytes { write($0, in: update) }
            }
        }
        try result.get()
    }

    private func erase() throws(StateError) {
        try writeBehind(force: true)
        var rows = try someRows(from: [])
        while !rows.isEmpty {
            for row in rows { try write(row.key, nil) }
            try writeBehind(force: true)
            rows = try someRows(from: [])
        }
    }

    /// Calls `body` with each row that is stored, in key order, in steps; it may change rows by `write`. Each step is stored.
    func rewriteRows(_ body: ((key: [UInt8], value: [UInt8])) throws(StateError) -> Void) throws(StateError) {
        var rows = try someRows(from: [])
        while let last = rows.last?.key {
            for row in rows { try body(row) }
            if !unsaved.isEmpty { try writeBehind(force: true) }
            rows = try someRows(from: last + [0])
        }
    }

    /// Sets a row as the changelog would.
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

    func someRows(from first: [UInt8]) throws(StateError) -> [(key: [UInt8], value: [UInt8])] {
        let cursor = try byteStore.cursor(KeyRange(from: first), reverse: false)
        var rows: [(key: [UInt8], value: [UInt8])] = []
        while rows.count < Self.rowsPerStep, let key = cursor.key {
            rows.append((Array(key), Array(cursor.value)))
            try cursor.advance()
        }
        return rows
    }
}
