// Metadata (3): this broker, and topics with their partitions, all of which it leads.
//
// A requested topic that does not exist is created if client and options allow it. As on Kafka, the answer is
// UNKNOWN_TOPIC_OR_PARTITION nevertheless; the client retries.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension MetadataRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<MetadataResponse>) {
        let wantsAll = topics == nil || (call.version == 0 && topics == [])
        let found =
            wantsAll
            ? service.broker.topics().map { MetadataResponse.Topic($0, includeTopicAuthorizedOperations) }
            : (topics ?? []).map { find($0, service) }
        call.answer(
            MetadataResponse {
                $0.brokers = [
                    MetadataResponse.Broker {
                        $0.nodeID = RequestService<Files>.nodeID
                        $0.host = call.connection.localAddress.host
                        $0.port = Int32(call.connection.localAddress.port)
                    }
                ]
                $0.clusterID = service.broker.clusterID
                $0.controllerID = RequestService<Files>.nodeID
                $0.topics = found
                if includeClusterAuthorizedOperations { $0.clusterAuthorizedOperations = AllowedOperations.cluster }
            })
    }

    private func find<Files: FileSystem>(
        _ wanted: MetadataRequest.Topic, _ service: RequestService<Files>
    ) -> MetadataResponse.Topic {
        guard let name = wanted.name, wanted.topicID == .zero else {
            if let topic = service.topic(wanted.topicID) { return .init(topic, includeTopicAuthorizedOperations) }
            return .init {
                $0.errorCode = .unknownTopicID
                $0.topicID = wanted.topicID
            }
        }
        if let topic = service.broker.topic(name) { return .init(topic, includeTopicAuthorizedOperations) }
        return .init {
            $0.name = name
            $0.errorCode = missing(name, service)
        }
    }

    private func missing<Files: FileSystem>(_ name: String, _ service: RequestService<Files>) -> ErrorCode {
        if TopicName.objection(to: name) != nil { return .invalidTopicException }
        guard allowAutoTopicCreation, service.options.createsTopics, !Broker<Files>.isInternal(name) else {
            return .unknownTopicOrPartition
        }
        do throws(BrokerError) {
            try service.broker.create([
                TopicMetadata(name: name, partitionCount: service.options.defaultPartitions)
            ])
        } catch {
            // Another request may have created it meanwhile.
            if case .topicExists = error { return .unknownTopicOrPartition }
            return ErrorCode(error)
        }
        return .unknownTopicOrPartition
    }
}

extension MetadataResponse.Topic {
    fileprivate init(_ topic: TopicMetadata, _ includesOperations: Bool) {
        self.init {
            $0.name = topic.name
            $0.topicID = topic.id ?? .zero
            $0.isInternal = Broker<PosixFileSystem>.isInternal(topic.name)
            $0.partitions = (0..<topic.partitionCount).map { number in
                MetadataResponse.Partition {
                    $0.partitionIndex = number
                    $0.leaderID = 1
                    $0.leaderEpoch = 0
                    $0.replicaNodes = [1]
                    $0.isrNodes = [1]
                }
            }
            if includesOperations { $0.topicAuthorizedOperations = AllowedOperations.topic }
        }
    }
}

/// The operations that every client may do on a resource while there are no access lists, as bits.
enum AllowedOperations {
    /// Read, write, create, delete, alter, describe, describe and alter settings.
    static let topic: Int32 = 0b1101_1111_1000
    /// Create, alter, describe, cluster action, describe and alter settings, idempotent write.
    static let cluster: Int32 = 0b1_1111_1010_0000
    /// Read, delete, describe, describe and alter settings.
    static let group: Int32 = 0b1101_0100_1000
}
