// Appends and fetches with completions, for callers that must not block: a server on event loops. Appends and reads go
// to the operating system at once; what has to wait for the disk, or for other clients, is reported by a callback.
//
// Reads return only durable records: the high watermark is the durable end, so that no external client has seen records
// that a crash can lose.

package import MoldauLog
package import MoldauRecords

/// When an append is acknowledged.
package enum Acknowledgement: Sendable {
    /// Once it is written: a crash of the machine may lose it (acks=0 and 1).
    case whenWritten
    /// Once it is as durable as the broker promises (acks=all).
    case whenDurable
}

/// How far a partition is readable.
package struct Watermarks: Equatable, Sendable {
    /// The first offset held.
    package let start: Offset
    /// Below it everything is durable.
    package let highWatermark: Offset
    /// Below it everything is durable, and decided.
    package let lastStableOffset: Offset
}

/// What a client on a network gets of one partition.
package struct DurableFetch: Sendable {
    /// Whole batches as they are on disk. The first may begin before the requested offset. Empty if nothing is
    /// readable.
    package let bytes: SharedBytes
    /// The same, as a location in its file: then `bytes` is empty.
    package let file: FileBytes?
    /// Where reading continues; nil if nothing was read.
    package let next: LogCursor?
    /// The aborted transactions that overlap the bytes, for a reader of committed records.
    package let aborted: [AbortedTransaction]
    package let watermarks: Watermarks
}

extension BrokerPartition {
    /// Appends like `append`, and calls back when that is acknowledged, or refused: once, from the broker's callbacks,
    /// or before this returns if there is nothing to wait for; with no lock held.
    ///
    /// One sync acknowledges everything that was appended before it. If it fails, all those appends get
    /// `BrokerError.log` with `LogError.offline`. An append to a topic that is deleted meanwhile gets `.unknownTopic`.
    package func append(
        _ batches: UnsafeRawBufferPointer, acknowledged: Acknowledgement,
        then completion: @escaping @Sendable (Result<PartitionLog<Files>.Appended, BrokerError>) -> Void
    ) {
        let appended: PartitionLog<Files>.Appended
        do throws(BrokerError) {
            appended = try append(batches)
        } catch {
            return completion(.failure(error))
        }
        acknowledge(appended, acknowledged, then: completion)
    }

    /// Calls back when `appended` is acknowledged, as `append` does.
    package func acknowledge(
        _ appended: PartitionLog<Files>.Appended, _ acknowledged: Acknowledgement,
        then completion: @escaping @Sendable (Result<PartitionLog<Files>.Appended, BrokerError>) -> Void
    ) {
        guard !isDurable(upTo: appended.end) else { return completion(.success(appended)) }
        guard acknowledged == .whenDurable else {
            completion(.success(appended))
            // The appender does not wait for the disk, but readers do: they see only what is durable.
            return groupCommit.afterSync { _ in }
        }
        groupCommit.afterSync { [self] failure in
            if let failure { return completion(.failure(.log(name, failure))) }
            if case .unknownTopic(let topic)? = end { return completion(.failure(.unknownTopic(topic))) }
            completion(.success(appended))
        }
    }

    /// Appends the batch that a client sent for this partition, like `append`, without waiting for anything. All of it
    /// is validated.
    /// - Parameter sent: the bytes of the request: exactly one batch, whose offsets count from 0.
    package func append(sent: UnsafeRawBufferPointer) throws(BrokerError) -> PartitionLog<Files>.Appended {
        do throws(LogError) {
            try RecordBatchHeader.checkSent(sent)
        } catch {
            throw .log(name, error)
        }
        return try append(sent)
    }

    /// Whether readers outside this process see only what is synced.
    var holdsBack: Bool { groupCommit.isAwaited }

    /// Whether everything below `offset` is as durable as the broker promises.
    package func isDurable(upTo offset: Offset) -> Bool {
        guard groupCommit.isAwaited else { return true }
        return withOpenLog { $0.durableEnd >= offset } ?? true
    }

    /// Reads durable records from `offset` on. Does not wait for new ones: see `Broker.awaitRecords`. Blocks on the
    /// disk.
    /// - Parameters:
    ///   - cursor: `next` of the same reader's last fetch.
    ///   - minFileBytes: batches of this size or more are not read if they are in a file with a descriptor: `file`
    ///     states where they are.
    /// - Throws: `BrokerError.log` with `.offsetOutOfRange`, and what the log throws.
    package func fetch(
        from offset: Offset, maxBytes: Int, after cursor: LogCursor? = nil, isolation: Isolation,
        minFileBytes: Int = .max
    ) throws(BrokerError) -> DurableFetch {
        let holdsBack = holdsBack
        let found = try withLog { log throws(LogError) in
            let watermarks = log.watermarks(holdsBack: holdsBack)
            let planned = try log.planRead(
                from: offset, maxBytes: maxBytes, after: cursor, below: watermarks.highWatermark,
                onlyCommitted: isolation == .committed)
            return (planned, watermarks)
        }
        guard let (planned, watermarks) = found else {
            try checkEmpty(offset)
            return DurableFetch(
                bytes: SharedBytes(copying: []), file: nil, next: nil, aborted: [],
                watermarks: Watermarks(start: .zero, highWatermark: .zero, lastStableOffset: .zero))
        }
        do throws(LogError) {
            if minFileBytes <= maxBytes, let located = try planned?.locate(minBytes: minFileBytes) {
                return DurableFetch(
                    bytes: SharedBytes(copying: []), file: located.bytes, next: located.next,
                    aborted: located.aborted, watermarks: watermarks)
            }
            let read = try planned?.read()
            return DurableFetch(
                bytes: read?.bytes ?? SharedBytes(copying: []), file: nil, next: read?.next,
                aborted: read?.aborted ?? [],
                watermarks: watermarks)
        } catch {
            throw .log(name, error)
        }
    }

    /// How far the partition is readable.
    package func watermarks() throws(BrokerError) -> Watermarks {
        let holdsBack = groupCommit.isAwaited
        return try withLog { log throws(LogError) in log.watermarks(holdsBack: holdsBack) }
            ?? Watermarks(start: .zero, highWatermark: .zero, lastStableOffset: .zero)
    }

    /// The first record at or after `time`; nil if there is none. Blocks on the disk.
    package func record(atOrAfter time: Timestamp) throws(BrokerError) -> (offset: Offset, timestamp: Timestamp)? {
        guard let offset = try offset(atOrAfter: time), let read = try read(from: offset, maxBytes: 1) else {
            return nil
        }
        var reader = RecordBatchReader(read.bytes.bytes, from: offset)
        do {
            guard let record = try reader.next() else { return nil }
            return (record.offset, record.timestamp)
        } catch {
            throw .log(name, .invalidBatch(error))
        }
    }

    /// See `PartitionLog.latestRecord`. Blocks on the disk.
    package func latestRecord() throws(BrokerError) -> (offset: Offset, timestamp: Timestamp)? {
        try withLog { log throws(LogError) in try log.latestRecord() } ?? nil
    }

    /// About how many bytes a fetch from `offset` on would return: as exact as the index; at least 1 if there are any.
    func readableBytes(from offset: Offset, _ isolation: Isolation) throws(BrokerError) -> Int {
        let holdsBack = holdsBack
        let bytes = try withLog { log throws(LogError) in
            let watermarks = log.watermarks(holdsBack: holdsBack)
            return try log.readableBytes(
                from: offset,
                below: isolation == .committed ? watermarks.lastStableOffset : watermarks.highWatermark)
        }
        if bytes == nil { try checkEmpty(offset) }
        return bytes ?? 0
    }
}

extension PartitionLog {
    /// - Parameter holdsBack: whether readers see only what is synced.
    func watermarks(holdsBack: Bool) -> Watermarks {
        let end = holdsBack ? durableEnd : endOffset
        return Watermarks(
            start: startOffset, highWatermark: max(end, startOffset),
            lastStableOffset: max(min(end, lastStableOffset), startOffset))
    }
}
