// CreateTopics (19): each topic independently; the others are created even if one is refused.
//
// −1 partitions: the default. This broker keeps one copy: a replication factor of 1 or −1, and assignments that name
// this broker alone.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension CreateTopicsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<CreateTopicsResponse>) {
        let counts = Dictionary(topics.map { ($0.name, 1) }, uniquingKeysWith: +)
        call.answer(
            CreateTopicsResponse {
                $0.topics = topics.map { topic in
                    guard counts[topic.name] == 1 else {
                        return .init(topic.name, refused: .invalidRequest, "the request names the topic more than once")
                    }
                    return create(topic, service)
                }
            })
    }

    private func create<Files: FileSystem>(
        _ topic: Topic, _ service: RequestService<Files>
    ) -> CreateTopicsResponse.Topic {
        if let (code, reason) = topic.objection { return .init(topic.name, refused: code, reason) }
        let count =
            topic.assignments.isEmpty
            ? (topic.numPartitions == -1 ? service.options.defaultPartitions : topic.numPartitions)
            : Int32(clamping: topic.assignments.count)
        var settings: [String: String] = [:]
        for setting in topic.configs {
            guard let value = setting.value else {
                return .init(
                    topic.name, refused: .invalidConfig, "Null value not supported for topic configs: \(setting.name)")
            }
            settings[setting.name] = value
        }
        do throws(BrokerError) {
            try service.broker.checkSettings(ofNewTopic: topic.name, settings)
            try service.broker.create(
                [TopicMetadata(name: topic.name, partitionCount: count, configuration: settings)],
                validateOnly: validateOnly)
            return .init {
                $0.name = topic.name
                $0.topicID = service.broker.topic(topic.name)?.id ?? .zero
                $0.numPartitions = count
                $0.replicationFactor = 1
                $0.configs = (try? service.broker.settings(ofTopic: topic.name))?.map { .init($0) } ?? []
            }
        } catch {
            return .init(topic.name, refused: ErrorCode(error), error.reason)
        }
    }
}

extension CreateTopicsRequest.Topic {
    /// The reason why one broker cannot have such a topic; nil if it can.
    fileprivate var objection: (ErrorCode, String)? {
        guard assignments.isEmpty else {
            if numPartitions != -1 || replicationFactor != -1 {
                return (
                    .invalidRequest, "a topic with assignments takes -1 for its partitions and its replication factor"
                )
            }
            let numbers = assignments.map(\.partitionIndex).sorted()
            guard numbers.elementsEqual(0..<Int32(clamping: numbers.count)),
                assignments.allSatisfy({ $0.brokerIDs == [1] })
            else { return (.invalidReplicaAssignment, "assignments name the partitions from 0 on, each on broker 1") }
            return nil
        }
        guard numPartitions > 0 || numPartitions == -1 else {
            return (.invalidPartitions, "Number of partitions must be larger than 0.")
        }
        guard replicationFactor == 1 || replicationFactor == -1 else {
            return replicationFactor < 1
                ? (.invalidReplicationFactor, "Replication factor must be larger than 0.")
                : (
                    .invalidReplicationFactor,
                    "the target replication factor of \(replicationFactor) cannot be reached because there is only 1 broker"
                )
        }
        return nil
    }
}

extension CreateTopicsResponse.Topic {
    fileprivate init(_ name: String, refused code: ErrorCode, _ reason: String?) {
        self.init {
            $0.name = name
            $0.errorCode = code
            $0.errorMessage = reason
        }
    }
}

extension CreateTopicsResponse.Setting {
    fileprivate init(_ entry: ConfigEntry) {
        self.init {
            $0.name = entry.name
            $0.value = entry.value
            $0.readOnly = entry.isReadOnly
            $0.configSource = entry.source.rawValue
            $0.isSensitive = entry.isSensitive
        }
    }
}
