// How a `read_committed` reader skips aborted records (KIP-98): a fetch lists the aborted transactions that have
// records in the bytes it returns, by producer and first offset; the marker that ends each is in the log. The bytes
// themselves are those on disk, so their checksums stay valid.

/// An aborted transaction, as listed by a fetch.
package struct AbortedTransaction: Hashable, Sendable {
    package let producer: Int64
    package let first: Offset

    package init(producer: Int64, first: Offset) { (self.producer, self.first) = (producer, first) }
}

extension SharedBytes {
    /// Returns the whole batches except those of aborted transactions; markers are kept. Copies nothing if nothing is
    /// dropped.
    /// - Parameter aborted: all aborted transactions with records in these batches, in any order.
    package func withoutAborted(_ aborted: [AbortedTransaction]) -> SharedBytes {
        if aborted.isEmpty { return self }
        let kept = rangesWithout(aborted.sorted { $0.first < $1.first })
        let size = kept.reduce(0) { $0 + $1.count }
        if size == count { return self }
        return SharedBytes(capacity: size) { buffer in
            var end = 0
            for range in kept {
                UnsafeMutableRawBufferPointer(rebasing: buffer[end..<(end + range.count)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
                end += range.count
            }
            return end
        }
    }

    /// - Parameter aborted: sorted by their first offsets.
    private func rangesWithout(_ aborted: [AbortedTransaction]) -> [Range<Int>] {
        var begun = aborted[...]
        /// The producers that are in an aborted transaction: from its first offset to its marker.
        var open: Set<Int64> = []
        var kept: [Range<Int>] = []
        var position = 0
        while position < count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
            guard let header = try? RecordBatchHeader(rest), header.byteCount <= rest.count else { break }
            let range = position..<(position + header.byteCount)
            position = range.upperBound
            while let next = begun.first, next.first <= header.baseOffset {
                open.insert(next.producer)
                begun.removeFirst()
            }
            if header.isControl {
                if TransactionMarker(batch: rest)?.isCommit == false { open.remove(header.producer.id) }
            } else if header.producer.isTransactional, open.contains(header.producer.id) {
                continue
            }
            if kept.last?.upperBound == range.lowerBound {
                kept[kept.count - 1] = kept[kept.count - 1].lowerBound..<range.upperBound
            } else {
                kept.append(range)
            }
        }
        return kept
    }
}
