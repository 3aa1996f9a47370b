// After a change of leaders: does the new one's log have what was fetched from the one before? A leader that was not in
// sync when it was elected lacks records, and gives their offsets to others.

internal import MoldauRecords
internal import MoldauWire

extension FetchMachine.Place {
    /// Whether this leader has not been asked yet whether it has the last batch that was fetched.
    func isUnchecked(by leader: ClusterMap.Leader?) -> Bool {
        guard let epoch, epoch >= 0, checkedEpoch >= 0, let leader, leader.epoch >= 0 else { return false }
        return leader.epoch != checkedEpoch
    }

    /// The leader that was asked has the last batch that was fetched, or does not tell.
    fileprivate mutating func passCheck() {
        checkedEpoch = askedEpoch
        succeeded()
    }

    /// Drops what was fetched and not taken. A reader that has a chunk in hand goes on with it.
    /// - Parameter epoch: that of the record before.
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

    /// The answer to a question where epochs end, or why there is none.
    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func checked(
        _ number: Int, _ result: Result<OffsetForLeaderEpochResponse, ClientError>, _ now: Duration, chance: Double
    ) -> [Action] {
        let wanting = close(number)
        guard case .success(let response) = result else {
            let error = result.failure ?? .closed
            if error.isRetriable { return fail(wanting, error, now, chance) }
            // The broker does not tell: it is read on.
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
                // A fetch tells what is wrong.
                case .topicAuthorizationFailed, .unsupportedVersion: places[partition]?.passCheck()
                default:
                    pauseQuestions(partition, now, chance)
                    isStale = true
                }
            }
        }
        return finish(without: rest, "to tell ends of epochs", isStale: isStale, now, chance)
    }

    private mutating func check(
        _ partition: TopicPartition, _ answer: OffsetForLeaderEpochResponse.EpochEndOffset
    ) {
        guard let place = places[partition], let position = place.position, let fetchOffset = place.fetchOffset else {
            return
        }
        guard answer.leaderEpoch >= 0, answer.endOffset >= .zero else {
            return reset(partition, because: "its new leader does not know the records that were read")
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
