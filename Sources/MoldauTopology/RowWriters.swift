import MoldauRecords

/// The contexts of the records that last wrote the rows of a table, so that spans can link to them.
///
/// Kept in memory, for the newest rows only: the format of stores has no room for them. A row whose last writer had no
/// span has no entry.
@usableFromInline package final class RowWriters<Key> {
    @usableFromInline let traces: TaskTraces
    private let encodeKey: Serde<Key>.Encode
    private let limit: Int
    // Each of the two holds up to half of the limit; a full `recent` replaces `older`.
    private var recent: [[UInt8]: [Header]] = [:]
    private var older: [[UInt8]: [Header]] = [:]
    private var bytes = ByteWriter()
    @exclusivity(unchecked) @usableFromInline var isEmpty = true

    /// The writers of a store, which the task's other nodes find by its name.
    package init(ofStore name: String, in traces: TaskTraces, key encodeKey: @escaping Serde<Key>.Encode) {
        (self.traces, self.encodeKey) = (traces, encodeKey)
        limit = max(traces.linkedRows, 0)
        traces.remember(self, ofStore: name)
    }

    /// Whether `wrote` must be called: it would change or forget something.
    @inlinable package var isNeeded: Bool { traces.isFollowing || !isEmpty }

    /// Called when the record that is being processed wrote the row of that key. Its span links to the record that
    /// wrote the row before.
    @usableFromInline package func wrote(_ key: Key) throws {
        guard limit > 0 else { return }
        let fields = traces.current?.fields
        if let before = try writer(of: key), let fields, before != fields { traces.current?.link(to: before) }
        let place = [UInt8](bytes.bytes)
        older[place] = nil
        recent[place] = fields
        if recent.count > limit / 2 { (older, recent) = (limit > 1 ? recent : [:], [:]) }
        isEmpty = recent.isEmpty && older.isEmpty
    }

    /// The context of the record that wrote the row of that key; nil if it is not known.
    func writer(of key: Key) throws -> [Header]? {
        bytes.removeAll()
        try encodeKey(key, &bytes)
        let place = [UInt8](bytes.bytes)
        return recent[place] ?? older[place]
    }
}
