// ConsumerGroupDescribe (69): groups of the consumer protocol (KIP-848). For others the answer is GROUP_ID_NOT_FOUND,
// upon which clients send DescribeGroups.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension ConsumerGroupDescribeRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<ConsumerGroupDescribeResponse>) {
        let includesOperations = includeAuthorizedOperations
        let gathering = Gathering(count: groupIDs.count) { (found: [ConsumerGroupDescribeResponse.Group]) in
            call.answer(ConsumerGroupDescribeResponse { $0.groups = found })
        }
        for (place, name) in groupIDs.enumerated() {
            service.broker.ask(.consumerDescribe(group: name)) { result in
                var group = ConsumerGroupDescribeResponse.Group()
                switch result {
                case .success(.consumerDescribe(let found)): group = .init(found, service)
                case .success: group.errorCode = .unknownServerError
                case .failure(let error): group.errorCode = ErrorCode(group: error)
                }
                group.groupID = name
                if includesOperations, group.errorCode == .none { group.authorizedOperations = AllowedOperations.group }
                gathering.set(group, at: place)
            }
        }
    }
}

extension ConsumerGroupDescribeResponse.Group {
    fileprivate init<Files: FileSystem>(
        _ found: GroupAnswer.ConsumerDescription, _ service: RequestService<Files>
    ) {
        self.init {
            $0.errorCode = ErrorCode(found.error)
            guard found.error == .none else {
                $0.errorMessage = "there is no group '\(found.group)' of the consumer protocol"
                return
            }
            $0.groupState = found.state
            $0.groupEpoch = found.epoch
            $0.assignmentEpoch = found.assignmentEpoch
            $0.assignorName = found.assignor
            $0.members = found.members.map { member in
                ConsumerGroupDescribeResponse.Member {
                    $0.memberID = member.memberID
                    $0.instanceID = member.instanceID
                    $0.rackID = member.rackID
                    $0.memberEpoch = member.epoch
                    $0.clientID = member.client.id
                    $0.clientHost = member.client.host
                    $0.subscribedTopicNames = member.topics
                    $0.subscribedTopicRegex = member.topicPattern
                    $0.assignment = .init(member.assigned, service)
                    $0.targetAssignment = .init(member.target, service)
                    $0.memberType = 1
                }
            }
        }
    }
}

extension ConsumerGroupDescribeResponse.Assignment {
    fileprivate init<Files: FileSystem>(_ partitions: [GroupPartition], _ service: RequestService<Files>) {
        self.init {
            for partition in partitions {
                if $0.topicPartitions.last?.topicID != partition.topic {
                    $0.topicPartitions.append(
                        .init {
                            $0.topicID = partition.topic
                            $0.topicName = service.topic(partition.topic)?.name ?? ""
                        })
                }
                $0.topicPartitions[$0.topicPartitions.count - 1].partitions.append(partition.number)
            }
        }
    }
}
