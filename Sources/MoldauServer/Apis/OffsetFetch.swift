// OffsetFetch (9): the positions of groups. From version 2 on null requests all partitions, from version 8 on a request
// names several groups; with `requireStable` (7) partitions with an offset in an open transaction are refused.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension OffsetFetchRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<OffsetFetchResponse>) {
        let version = call.version
        let wanted =
            version >= 8
            ? groups
            : [
                Group {
                    $0.groupID = groupID
                    $0.memberEpoch = -1
                    $0.topics = topics
                }
            ]
        let gathering = Gathering(count: wanted.count) { (found: [OffsetFetchResponse.Group]) in
            call.answer(
                OffsetFetchResponse {
                    if version >= 8 {
                        $0.groups = found
                    } else {
                        $0.topics = found.first?.topics ?? []
                        $0.errorCode = found.first?.errorCode ?? .none
                    }
                })
        }
        for (place, group) in wanted.enumerated() {
            let fetch = GroupRequest.Fetch(
                MemberGeneration(
                    group: group.groupID, generation: group.memberEpoch, memberID: group.memberID ?? ""),
                group.topics.map { topics in
                    topics.flatMap { topic in topic.partitionIndexes.map { TopicPartition(topic.name, $0) } }
                }, requiresStable: requireStable)
            service.broker.ask(.fetch(fetch)) { result in
                gathering.set(OffsetFetchResponse.Group(group, result, version), at: place)
            }
        }
    }
}

extension OffsetFetchResponse.Group {
    fileprivate init(
        _ wanted: OffsetFetchRequest.Group, _ result: Result<GroupAnswer, BrokerError>, _ version: Int16
    ) {
        self.init()
        groupID = wanted.groupID
        switch result {
        case .success(.fetch(let found)):
            errorCode = ErrorCode(found.error)
            for position in found.positions {
                if topics.last?.name != position.partition.topic {
                    topics.append(.init { $0.name = position.partition.topic })
                }
                topics[topics.count - 1].partitions.append(.init(position))
            }
        case .success: errorCode = .unknownServerError
        case .failure(let error): errorCode = ErrorCode(group: error)
        }
        guard errorCode != .none, version < 2 else { return }
        // Versions 0 and 1 have no error for the whole group.
        topics = (wanted.topics ?? []).map { topic in
            OffsetFetchResponse.Topic {
                $0.name = topic.name
                $0.partitions = topic.partitionIndexes.map { number in
                    OffsetFetchResponse.Partition {
                        $0.partitionIndex = number
                        $0.committedOffset = Offset(-1)
                        $0.metadata = ""
                        $0.errorCode = errorCode
                    }
                }
            }
        }
    }
}

extension OffsetFetchResponse.Partition {
    fileprivate init(_ position: GroupAnswer.Position) {
        self.init {
            $0.partitionIndex = position.partition.partition.number
            $0.committedOffset = position.offset?.offset ?? Offset(-1)
            $0.committedLeaderEpoch = position.offset?.leaderEpoch ?? -1
            $0.metadata = position.offset?.metadata ?? ""
            $0.errorCode = ErrorCode(position.error)
        }
    }
}
