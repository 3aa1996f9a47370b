// After a change of leaders: does the new one's log have what was fetched from the one before? A leader that was not in
// sync when it was elected lacks records, and gives their offsets to others.

internal import MoldauRecords
internal import MoldauWire

extension FetchMachine.Place {
    /// Whether this leader has not been asked yet whether it has the last batch that was fetched.
    func isUnchecked(by leader: ClusterMap.Leader?) -> Bool {
        guard let epoch, epoch >= 0, let leader else { return false }
        return leader.epoch > max(epoch, checkedEpoch)
    }
}

extension FetchMachine {
    mutating func endOfEpoch(_ node: Int32, _ partitions: [TopicPartition], _ map: ClusterMap) -> Action {
        let request = OffsetForLeaderEpochRequest {
            $0.replicaID = -1
            $0.topics = partitions.byTopic.map { topic, numbers in
                .init {
                    $0.topic = topic
                    $0.partitions = numbers.map { number in
                        let partition = TopicPartition(topic, number)
                        return .init {
                            $0.partition = number
                            $0.currentLeaderEpoch = map.leader(of: partition)?.epoch ?? -1
                            $0.leaderEpoch = places[partition]?.epoch ?? -1
                        }
                    }
                }
            }
        }
        return .endOfEpoch(node: node, number: note(partitions), request)
    }

    /// The answer to a question where epochs end, or why there is none.
    /// - Parameters:
    ///   - request: the question.
    ///   - chance: from 0 up to, not including, 1.
    mutating func checked(
        _ number: Int, _ request: OffsetForLeaderEpochRequest,
        _ result: Result<OffsetForLeaderEpochResponse, ClientError>,
        _ now: Duration, chance: Double
    ) -> [Action] {
        let wanting = close(number)
        let epochs = request.topics.reduce(into: [TopicPartition: Int32]()) { epochs, topic in
            for asked in topic.partitions {
                epochs[TopicPartition(topic.topic, asked.partition)] = asked.currentLeaderEpoch
            }
        }
        guard case .success(let response) = result else {
            let error = result.failure ?? .closed
            if error.isRetriable { return fail(wanting, error, now, chance) }
            // The broker does not tell: it is read on.
            for partition in wanting { places[partition]?.checkedEpoch = epochs[partition] ?? -1 }
            return []
        }
        var rest = Set(wanting)
        var isStale = false
        for topic in response.topics {
            for answer in topic.partitions {
                let partition = TopicPartition(topic.topic, answer.partition)
                guard rest.remove(partition) != nil else { continue }
                if answer.errorCode == .none {
                    check(partition, answer, epochs[partition] ?? -1)
                } else if answer.errorCode.isRetriable {
                    pauseQuestions(partition, now, chance)
                    isStale = isStale || answer.errorCode.asksForMetadata
                } else {
                    // A fetch tells what is wrong.
                    places[partition]?.checkedEpoch = epochs[partition] ?? -1
                }
            }
        }
        let missing = fail(rest.sorted(), .refused(.networkException, "to tell ends of epochs"), now, chance)
        return isStale ? [.refresh] : missing
    }

    /// - Parameter epoch: that of the leader who answers.
    private mutating func check(
        _ partition: TopicPartition, _ answer: OffsetForLeaderEpochResponse.EpochEndOffset, _ epoch: Int32
    ) {
        guard let place = places[partition], let position = place.position, let fetchOffset = place.fetchOffset else {
            return
        }
        let isKnown = answer.leaderEpoch >= 0 && answer.endOffset >= .zero
        if isKnown, answer.endOffset >= fetchOffset {
            places[partition]?.checkedEpoch = epoch
            places[partition]?.backoff.reset()
            places[partition]?.retryAt = nil
        } else if isKnown, answer.endOffset >= position {
            // What is gone was fetched, but nobody has seen it.
            seek(partition, to: position)
        } else if isKnown, options.offsetReset != .none {
            seek(partition, to: answer.endOffset)
        } else {
            let lost = isKnown ? "from offset \(answer.endOffset) on" : "before offset \(position)"
            reset(partition, because: "its new leader does not have records \(lost) that were read")
        }
    }
}
