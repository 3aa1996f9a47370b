// After a change of leaders: does the new leader's log contain what was fetched from the previous one? A leader that
// was not in sync when it was elected lacks records, and assigns their offsets to others.

internal import MoldauRecords
internal import MoldauWire

extension FetchMachine.Place {
    /// Whether this leader has not yet confirmed that it has the last fetched batch.
    func isUnchecked(by leader: ClusterMap.Leader?) -> Bool {
        guard let epoch, epoch >= 0, checkedEpoch >= 0, let leader, leader.epoch >= 0 else { return false }
        return leader.epoch != checkedEpoch
    }

    /// Marks the last fetched batch as confirmed: the leader has it, or cannot tell.
    fileprivate mutating func passCheck() {
        checkedEpoch = askedEpoch
        succeeded()
    }

    /// Drops chunks that were fetched but not taken. A reader that is processing a chunk continues with it.
    /// - Parameter epoch: that of the record before `offset`.
    fileprivate mutating func fetchAgain(from offset: Offset, _ epoch: Int32) {
        (chunks, bufferedBytes) = ([], 0)
        (position, fetchOffset, self.epoch) = (offset, offset, epoch)
    }
}

extension FetchMachine {
    mutating func endOfEpoch(_ node: Int32, _ partitions: [TopicPartition], _ map: ClusterMap) -> Action {
        let number = note(partitions, map)
        let request = OffsetForLeaderEpochRequest {
            $0.replicaID = -1
            $0.topics = partitions.byTopic.map { topic, numbers in
                .init {
                    $0.topic = topic
                    $0.partitions = numbers.map { number in
                        let partition = TopicPartition(topic, number)
                        return .init {
                            $0.partition = number
                            $0.currentLeaderEpoch = places[partition]?.askedEpoch ?? -1
                            $0.leaderEpoch = places[partition]?.epoch ?? -1
                        }
                    }
                }
            }
        }
        return .endOfEpoch(node: node, number: number, request)
    }

    /// Takes the response to an epoch lookup, or the error in its place.
    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func checked(
        _ number: Int, _ result: Result<OffsetForLeaderEpochResponse, ClientError>, _ now: Duration, chance: Double
    ) -> [Action] {
        let wanting = close(number)
        guard case .success(let response) = result else {
            let error = result.failure ?? .closed
            if error.isRetriable { return fail(wanting, error, now, chance) }
            // The broker does not support the lookup: reading continues.
            for partition in wanting { places[partition]?.passCheck() }
            return []
        }
        var rest = Set(wanting)
        var isStale = false
        for topic in response.topics {
            for answer in topic.partitions {
                let partition = TopicPartition(topic.topic, answer.partition)
                guard rest.remove(partition) != nil else { continue }
                switch answer.errorCode {
                case .none: check(partition, answer)
                // The next fetch reports the error.
                case .topicAuthorizationFailed, .unsupportedVersion: places[partition]?.passCheck()
                default:
                    pauseQuestions(partition, now, chance)
                    isStale = true
                }
            }
        }
        return finish(without: rest, "to return the ends of epochs", isStale: isStale, now, chance)
    }

    private mutating func check(
        _ partition: TopicPartition, _ answer: OffsetForLeaderEpochResponse.EpochEndOffset
    ) {
        guard let place = places[partition], let position = place.position, let fetchOffset = place.fetchOffset else {
            return
        }
        guard answer.leaderEpoch >= 0, answer.endOffset >= .zero else {
            return reset(partition, because: "its new leader lacks the records that were read")
        }
        if answer.endOffset < fetchOffset {
            if answer.endOffset < position, options.offsetReset == .none {
                forget(partition)
                places[partition]?.error = .truncated(partition, at: answer.endOffset)
                return
            }
            places[partition]?.fetchAgain(from: min(position, answer.endOffset), answer.leaderEpoch)
        }
        places[partition]?.passCheck()
    }
}
