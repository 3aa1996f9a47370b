internal import MoldauRecords
internal import MoldauWire

extension FetchMachine {
    /// The answer to a fetch, or why there is none.
    /// - Parameter chance: from 0 up to, not including, 1.
    /// - Returns: what to do now.
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
            // The next fetch begins another session, at once.
            if response.errorCode.isAboutFetchSession { return [] }
            return fail(wanting, .refused(response.errorCode, "to return records"), now, chance)
        case .success(let response):
            var isStale = false
            var rest = Set(wanting)
            // Within a session, there is nothing new of the others.
            let isIncremental = node.map { sessions[$0]?.isIncremental ?? false } ?? false
            if let node { sessions[node]?.answered(response) }
            for topic in response.responses {
                for answer in topic.partitions {
                    let partition = TopicPartition(topic.topic, answer.partitionIndex)
                    guard rest.remove(partition) != nil else { continue }
                    isStale = take(answer, partition, now, chance) || isStale
                }
            }
            let missing =
                isIncremental ? [] : fail(rest.sorted(), .refused(.networkException, "to answer a fetch"), now, chance)
            return isStale ? [.refresh] : missing
        }
    }

    /// - Returns: whether metadata is old.
    private mutating func take(
        _ answer: FetchResponse.Partition, _ partition: TopicPartition, _ now: Duration, _ chance: Double
    ) -> Bool {
        switch answer.errorCode {
        case .none:
            places[partition]?.backoff.reset()
            places[partition]?.retryAt = nil
            places[partition]?.end =
                options.isolation == .readCommitted ? answer.lastStableOffset : answer.highWatermark
            do throws(ClientError) {
                try keep(answer, partition)
            } catch {
                places[partition]?.error = error
            }
            return false
        case .offsetOutOfRange:
            let offset = places[partition]?.fetchOffset ?? .zero
            // What was fetched before is taken first; the position is found anew behind it.
            guard places[partition]?.chunks.isEmpty == true else {
                pauseQuestions(partition, now, chance)
                return false
            }
            reset(partition, because: "it has no record at offset \(offset)")
            return false
        default:
            let error = ClientError.refused(answer.errorCode, "to return records of \(partition)")
            if error.isRetriable || answer.errorCode.asksForMetadata {
                pauseQuestions(partition, now, chance)
            } else {
                places[partition]?.error = error
            }
            return answer.errorCode.asksForMetadata
        }
    }

    private mutating func pauseQuestions(_ partition: TopicPartition, _ now: Duration, _ chance: Double) {
        guard let pause = places[partition]?.backoff.pause(chance: chance) else { return }
        places[partition]?.retryAt = now + pause
    }

    private mutating func keep(
        _ answer: FetchResponse.Partition, _ partition: TopicPartition
    ) throws(ClientError) {
        guard case .bytes(var bytes) = answer.records, bytes.count > 0, let place = places[partition],
            let from = place.fetchOffset
        else { return }
        let next = try offset(behind: bytes, from, partition)
        guard next > from else { return }
        if options.isolation == .readCommitted, let aborted = answer.abortedTransactions, !aborted.isEmpty {
            let listed = aborted.map { AbortedTransaction(producer: $0.producerID, first: $0.firstOffset) }
            bytes = WireBytes(SharedBytes(copying: bytes.bytes).withoutAborted(listed))
        }
        places[partition]?.fetchOffset = next
        places[partition]?.chunks.append(
            FetchedChunk(partition: partition, bytes: bytes, from: from, next: next, version: place.version))
        places[partition]?.bufferedBytes += bytes.count
    }

    /// The offset behind the last whole batch.
    private func offset(
        behind bytes: WireBytes, _ from: Offset, _ partition: TopicPartition
    ) throws(ClientError) -> Offset {
        var next = from
        var rest = bytes.bytes
        while rest.count >= BatchFormat.headerSize {
            do throws(RecordBatchError) {
                let header = try RecordBatchHeader(rest)
                guard header.byteCount <= rest.count else { break }
                if options.checksSums { try header.validateChecksum(rest) }
                next = max(next, header.lastOffset + 1)
                rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
            } catch {
                throw .unreadable(partition, next, reason: "\(error)")
            }
        }
        return next
    }

    private mutating func fail(
        _ partitions: [TopicPartition], _ error: ClientError, _ now: Duration, _ chance: Double
    ) -> [Action] {
        guard !partitions.isEmpty else { return [] }
        for partition in partitions {
            if error.isRetriable {
                pauseQuestions(partition, now, chance)
            } else {
                places[partition]?.error = error
            }
        }
        return [.refresh]
    }

    /// The answer to a question for offsets, or why there is none.
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
                    let error = ClientError.refused(answer.errorCode, "to tell offsets of \(partition)")
                    if error.isRetriable {
                        pauseQuestions(partition, now, chance)
                    } else {
                        places[partition]?.error = error
                    }
                    isStale = isStale || answer.errorCode.asksForMetadata
                }
            }
        }
        let missing = fail(rest.sorted(), .refused(.networkException, "to tell offsets"), now, chance)
        return isStale ? [.refresh] : missing
    }
}
