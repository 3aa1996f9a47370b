import MoldauRecords

extension CachedByteStore {
    /// Starts to load the entries that will soon be read into the processor's cache: those of the records' keys, or of
    /// the keys that `key` makes of them. Changes nothing.
    @inline(__always)
    func expect(
        _ records: UnsafeBufferPointer<RecordView>,
        key: (RecordView) -> UnsafeRawBufferPointer? = { $0.key }
    ) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: records.count) { hashes in
            for (place, record) in records.enumerated() {
                hashes[place] = key(record).map(hashBytes) ?? 0
                table.prefetchSlot(hash: hashes[place])
            }
            prefetchEntries(hashes: UnsafeBufferPointer(hashes))
        }
    }

    /// Starts to load the entries of some hashes into the processor's cache. Their slots were prefetched before.
    @inline(__always)
    func prefetchEntries(hashes: UnsafeBufferPointer<UInt32>) {
        let shortBytes = table.count * (ByteEntry.shortBytes + ByteEntry.overheadBytes)
        table.prefetchEntries(hashes: hashes, haveLongValues: cachedBytes > shortBytes)
    }
}
