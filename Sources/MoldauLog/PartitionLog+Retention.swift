// Retention: old segments go, whole ones, from the front.
//
// Kafka goes by the times of events. So records of years ago are gone five minutes after they were written, with the default
// settings, and one of the future keeps its segment for ever. Here a segment's age counts from the last append to it, by the clock
// of whoever appended; a segment that nobody knows this of counts from when retention first looks at it. A restart, or a copy of a
// directory, can make the time longer and never shorter.

package import MoldauRecords

extension PartitionLog {
    /// Lets go of old segments as the topic's settings say, the last one too when all its records are past their time.
    /// - Returns: how many segments went.
    @discardableResult
    package mutating func applyRetention(now: Timestamp) throws(LogError) -> Int {
        guard configuration.deletesOld else { return 0 }
        var removed = 0
        if let limit = configuration.retentionMs { removed += try applyRetention(ofMs: limit, now: now) }
        if let limit = configuration.retentionBytes {
            var total = 0
            for index in segments.indices { total += try segment(index).size }
            while segments.count > 1, total - (try segment(0).size) >= limit {
                total -= try segment(0).size
                try removeFirstSegment()
                removed += 1
            }
        }
        return removed
    }

    /// When the last record of a segment came.
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
        var removed = 0
        while segments.count > 1, isExpired(try segment(0)) {
            try removeFirstSegment()
            removed += 1
        }
        return removed
    }

    /// Where the first or the last segment's times are unknown, or not written down, all are looked at.
    private mutating func noteUnknownTimes(_ now: Timestamp) throws(LogError) {
        let last = segments.count - 1
        let first = try segment(0)
        let isUnknown = first.appendTimes.last == nil && first.size > 0
        for index in isUnknown ? Array(segments.indices) : [last] {
            let isEmpty = try segment(index).size == 0
            let isUnwritten = index == last && hasUnwrittenBegin && !isEmpty
            if isUnwritten { hasUnwrittenBegin = false }
            // Opened by the look at its size.
            if segments[index].opened!.noteUnknownTimes(now) || isUnwritten { try writeIndexes(ofSegment: index) }
        }
    }
}
