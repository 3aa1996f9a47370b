internal import MoldauRecords
internal import MoldauWire

extension FetchMachine {
    /// Takes the response to a fetch, or the error in its place.
    /// - Parameter chance: from 0 up to, not including, 1.
    /// - Returns: what to do next.
    mutating func fetched(
        _ number: Int, _ result: Result<FetchResponse, ClientError>, _ now: Duration, chance: Double
    ) -> [Action] {
        let node = node(ofFetch: number)
        let wanting = close(number)
        if let node, case .success(let response) = result, response.throttleTimeMs > 0 {
            throttled[node] = now + .milliseconds(Int64(response.throttleTimeMs))
        }
        switch result {
        case .failure(let error):
            if let node { sessions[node]?.failed(isGone: false) }
            return fail(wanting, error, now, chance)
        case .success(let response) where response.errorCode != .none:
            if let node { sessions[node]?.failed(isGone: response.errorCode == .fetchSessionIDNotFound) }
            // The next fetch begins another session, immediately.
            if response.errorCode.isAboutFetchSession { return [] }
            return fail(wanting, .refused(response.errorCode, "to return records"), now, chance)
        case .success(let response):
            var isStale = false
            var rest = Set(wanting)
            // Within a session, partitions missing from the response have no new data.
            let isIncremental = node.map { sessions[$0]?.isIncremental ?? false } ?? false
            if let node { sessions[node]?.answered(response) }
            for topic in response.responses {
                for answer in topic.partitions {
                    let partition = TopicPartition(topic.topic, answer.partitionIndex)
                    guard rest.remove(partition) != nil else { continue }
                    isStale = take(answer, partition, now, chance) || isStale
                }
            }
            return finish(without: isIncremental ? [] : rest, "to answer a fetch", isStale: isStale, now, chance)
        }
    }

    /// - Returns: whether the metadata is stale.
    private mutating func take(
        _ answer: FetchResponse.Partition, _ partition: TopicPartition, _ now: Duration, _ chance: Double
    ) -> Bool {
        switch answer.errorCode {
        case .none:
            places[partition]?.succeeded()
            places[partition]?.end =
                options.isolation == .readCommitted ? answer.lastStableOffset : answer.highWatermark
            do throws(ClientError) {
                try keep(answer, partition)
            } catch {
                note(error, partition, now, chance)
            }
            return false
        case .offsetOutOfRange:
            let offset = places[partition]?.fetchOffset ?? .zero
            // Chunks that were fetched before are returned first; then the position is reset.
            guard places[partition]?.chunks.isEmpty == true else {
                pauseQuestions(partition, now, chance)
                return false
            }
            reset(partition, because: "it has no record at offset \(offset)")
            return false
        case .corruptMessage:
            let offset = places[partition]?.fetchOffset ?? .zero
            let reason = "the broker cannot read it either: \(answer.errorCode.name)"
            note(.unreadable(partition, offset, reason: reason), partition, now, chance)
            return false
        default:
            let error = ClientError.refused(answer.errorCode, "to return records of \(partition)")
            if answer.errorCode.asksForMetadata {
                pauseQuestions(partition, now, chance)
            } else {
                note(error, partition, now, chance)
            }
            return answer.errorCode.asksForMetadata
        }
    }

    /// Notes a failed request. It is retried after a pause. `take` throws first, unless the error may pass by itself.
    private mutating func note(
        _ error: ClientError, _ partition: TopicPartition, _ now: Duration, _ chance: Double
    ) {
        pauseQuestions(partition, now, chance)
        // An unexpected error in the broker, which may not recur.
        if case .refused(code: ErrorCode.unknownServerError.rawValue, _, _) = error { return }
        if !error.isRetriable { places[partition]?.error = error }
    }

    mutating func pauseQuestions(_ partition: TopicPartition, _ now: Duration, _ chance: Double) {
        guard let pause = places[partition]?.backoff.pause(chance: chance) else { return }
        places[partition]?.retryAt = now + pause
    }

    /// - Throws: the error of the first batch that cannot be read, after keeping the batches before it.
    private mutating func keep(
        _ answer: FetchResponse.Partition, _ partition: TopicPartition
    ) throws(ClientError) {
        guard case .bytes(var bytes) = answer.records, bytes.count > 0, let place = places[partition],
            let from = place.fetchOffset
        else { return }
        let (byteCount, next, epoch, error) = readable(bytes.bytes, from, partition)
        guard next > from else {
            if let error { throw error }
            return
        }
        // A broker may truncate the last batch where the response reaches its limit.
        if byteCount < bytes.count {
            bytes = bytes.view(of: UnsafeRawBufferPointer(rebasing: bytes.bytes[..<byteCount]))
        }
        if options.isolation == .readCommitted, let aborted = answer.abortedTransactions, !aborted.isEmpty {
            let listed = aborted.map { AbortedTransaction(producer: $0.producerID, first: $0.firstOffset) }
            bytes = WireBytes(SharedBytes(copying: bytes.bytes).withoutAborted(listed))
        }
        places[partition]?.fetchOffset = next
        places[partition]?.epoch = epoch
        places[partition]?.checkedEpoch = place.askedEpoch
        places[partition]?.chunks.append(
            FetchedChunk(partition: partition, bytes: bytes, from: from, next: next, version: place.version))
        places[partition]?.bufferedBytes += bytes.count
        if let error { throw error }
    }

    /// The whole batches, up to the first one that cannot be read.
    /// - Returns: their size in bytes, the offset after them, the leader epoch of the last one, and the error of the
    ///   first batch that cannot be read.
    private func readable(
        _ bytes: UnsafeRawBufferPointer, _ from: Offset, _ partition: TopicPartition
    ) -> (byteCount: Int, next: Offset, epoch: Int32?, error: ClientError?) {
        var next = from
        var epoch: Int32?
        var rest = bytes
        while rest.count >= BatchFormat.headerSize {
            var end: Offset?
            do throws(RecordBatchError) {
                let header = try RecordBatchHeader(rest)
                guard header.byteCount <= rest.count else { break }
                end = header.lastOffset + 1
                if options.checksSums { try header.validateChecksum(rest) }
                (next, epoch) = (max(next, header.lastOffset + 1), header.leaderEpoch)
                rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
            } catch {
                let way = end.map { "; seek to \($0) to skip the batch" } ?? ""
                return (bytes.count - rest.count, next, epoch, .unreadable(partition, next, reason: "\(error)\(way)"))
            }
        }
        return (bytes.count - rest.count, next, epoch, nil)
    }

    mutating func fail(
        _ partitions: [TopicPartition], _ error: ClientError, _ now: Duration, _ chance: Double
    ) -> [Action] {
        guard !partitions.isEmpty else { return [] }
        for partition in partitions { note(error, partition, now, chance) }
        return [.refresh]
    }

    /// What to do after a response without these partitions.
    /// - Parameter isStale: whether the response shows that the metadata is stale.
    mutating func finish(
        without rest: Set<TopicPartition>, _ what: String, isStale: Bool, _ now: Duration, _ chance: Double
    ) -> [Action] {
        let missing = fail(rest.sorted(), .refused(.networkException, what), now, chance)
        return isStale ? [.refresh] : missing
    }

    /// Takes the response to an offset lookup, or the error in its place.
    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func listed(
        _ number: Int, _ result: Result<ListOffsetsResponse, ClientError>, _ now: Duration, chance: Double
    ) -> [Action] {
        let wanting = close(number)
        guard case .success(let response) = result else {
            return fail(wanting, result.failure ?? .closed, now, chance)
        }
        var rest = Set(wanting)
        var isStale = false
        for topic in response.topics {
            for answer in topic.partitions {
                let partition = TopicPartition(topic.name, answer.partitionIndex)
                guard rest.remove(partition) != nil else { continue }
                if answer.errorCode == .none, answer.offset >= .zero {
                    seek(partition, to: answer.offset)
                } else if answer.errorCode == .none, case .noOlderThan = places[partition]?.resetTo {
                    // All its records are older.
                    seek(partition, to: .end)
                } else {
                    let error = ClientError.refused(answer.errorCode, "to return offsets of \(partition)")
                    note(error, partition, now, chance)
                    isStale = isStale || answer.errorCode.asksForMetadata
                }
            }
        }
        return finish(without: rest, "to return offsets", isStale: isStale, now, chance)
    }
}
