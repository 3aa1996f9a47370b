// Retention: deletes whole expired segments from the front of the log.
//
// Kafka uses the records' timestamps. With the default settings, records with timestamps from years ago are therefore
// deleted five minutes after they were written, and one with a timestamp in the future keeps its segment for ever. Here
// a segment's age counts from the last append to it, by the clock of the appending process; if that is unknown, from
// when retention first looks at the segment. A restart, or copying the directory, can lengthen the time but never
// shorten it.

package import MoldauRecords

extension PartitionLog {
    /// Deletes expired segments by the topic's settings; the last one too, if all its records have expired.
    /// - Returns: how many segments were deleted.
    @discardableResult
    package mutating func applyRetention(now: Timestamp) throws(LogError) -> Int {
        guard configuration.deletesOld else { return 0 }
        var removed = 0
        if let limit = configuration.retentionMs { removed += try applyRetention(ofMs: limit, now: now) }
        if let limit = configuration.retentionBytes {
            var (total, count) = (try byteCount(), 0)
            while count < segments.count - 1, total - (try segment(count).size) >= limit {
                total -= try segment(count).size
                count += 1
            }
            try removeFirstSegments(count)
            removed += count
        }
        return removed
    }

    /// The size of all segments in bytes.
    package mutating func byteCount() throws(LogError) -> Int {
        var total = 0
        for index in segments.indices { total += try segment(index).size }
        return total
    }

    /// When the last record of a segment was appended.
    private func lastAppend(in segment: Segment<Files.File>) -> Timestamp? {
        #if SABOTAGE
            if files.sabotage.contains(.retentionByEventTime) { return segment.latest }
        #endif
        return segment.appendTimes.last
    }

    private mutating func applyRetention(ofMs limit: Int64, now: Timestamp) throws(LogError) -> Int {
        try noteUnknownTimes(now)
        func isExpired(_ segment: Segment<Files.File>) -> Bool {
            guard let last = lastAppend(in: segment) else { return false }
            let age = now.ms.subtractingReportingOverflow(last.ms)
            return !age.overflow && age.partialValue > limit
        }
        if isExpired(try segment(segments.count - 1)) { try roll() }
        var count = 0
        while count < segments.count - 1, isExpired(try segment(count)) { count += 1 }
        try removeFirstSegments(count)
        return count
    }

    /// Records `now` as the append time of segments whose time is unknown. Checks all segments if the first one's is
    /// unknown, otherwise only the last one.
    private mutating func noteUnknownTimes(_ now: Timestamp) throws(LogError) {
        let last = segments.count - 1
        let first = try segment(0)
        let isUnknown = first.appendTimes.last == nil && first.size > 0
        for index in isUnknown ? Array(segments.indices) : [last] {
            let isEmpty = try segment(index).size == 0
            let isUnwritten = index == last && hasUnwrittenBegin && !isEmpty
            if isUnwritten { hasUnwrittenBegin = false }
            // Reading its size has opened it.
            if segments[index].opened!.noteUnknownTimes(now) || isUnwritten { try writeIndexes(ofSegment: index) }
        }
    }
}
