// How a reader of committed records passes over what was aborted (KIP-98): the fetch names the aborted transactions that reach
// into what it brings, by producer and first offset; the marker that ends each lies in the log. The bytes themselves are those on
// disk, so that their checksums hold.

/// A transaction that was aborted, as a fetch tells of it.
package struct AbortedTransaction: Hashable, Sendable {
    package let producer: Int64
    package let first: Offset

    package init(producer: Int64, first: Offset) { (self.producer, self.first) = (producer, first) }
}

extension SharedBytes {
    /// Whole batches, one after another, without those of aborted transactions. Markers stay. Copies nothing where there is
    /// nothing to leave out.
    /// - Parameter aborted: all that reach into these batches, in any order.
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

    /// - Parameter aborted: by their first offsets.
    private func rangesWithout(_ aborted: [AbortedTransaction]) -> [Range<Int>] {
        var begun = aborted[...]
        /// Whose batches are of an aborted transaction, until its marker.
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
