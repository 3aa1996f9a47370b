// ConsumerGroupHeartbeat (68): the only request of members of the consumer protocol (KIP-848). From version 1 on
// clients generate their own ids.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension ConsumerGroupHeartbeatRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<ConsumerGroupHeartbeatResponse>) {
        let heartbeat = GroupRequest.ConsumerHeartbeat(
            group: groupID, memberID: memberID, epoch: memberEpoch, instanceID: instanceID, rackID: rackID,
            rebalanceTimeoutMs: rebalanceTimeoutMs, topics: subscribedTopicNames, topicPattern: subscribedTopicRegex,
            assignor: serverAssignor,
            owned: topicPartitions.map { topics in
                Set(topics.flatMap { topic in topic.partitions.map { GroupPartition(topic.topicID, $0) } })
            }, client: GroupClient(id: call.clientID, host: "/\(call.connection.clientAddress)"),
            requiresMemberID: call.version >= 1, access: service.access(of: call.connection))
        service.broker.ask(.consumerHeartbeat(heartbeat)) { result in
            call.answer(
                ConsumerGroupHeartbeatResponse {
                    switch result {
                    case .success(.consumerHeartbeat(let answer)):
                        $0.errorCode = ErrorCode(answer.error)
                        $0.memberID = answer.memberID
                        $0.memberEpoch = answer.epoch
                        $0.heartbeatIntervalMs = answer.heartbeatIntervalMs
                        $0.assignment = answer.assignment.map { partitions in
                            ConsumerGroupHeartbeatResponse.Assignment { assignment in
                                for partition in partitions {
                                    if assignment.topicPartitions.last?.topicID != partition.topic {
                                        assignment.topicPartitions.append(.init { $0.topicID = partition.topic })
                                    }
                                    assignment.topicPartitions[assignment.topicPartitions.count - 1].partitions
                                        .append(partition.number)
                                }
                            }
                        }
                    case .success: $0.errorCode = .unknownServerError
                    case .failure(let error): $0.errorCode = ErrorCode(group: error)
                    }
                })
        }
    }
}
