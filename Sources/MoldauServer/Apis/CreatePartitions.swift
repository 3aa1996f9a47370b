// CreatePartitions (37): adds partitions to topics, all on this broker.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension CreatePartitionsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<CreatePartitionsResponse>) {
        let counts = Dictionary(topics.map { ($0.name, 1) }, uniquingKeysWith: +)
        call.answer(
            CreatePartitionsResponse {
                $0.results = topics.map { topic in
                    var result = CreatePartitionsResponse.Topic()
                    result.name = topic.name
                    guard counts[topic.name] == 1 else {
                        result.errorCode = .invalidRequest
                        result.errorMessage = "the request names the topic more than once"
                        return result
                    }
                    guard topic.assignments?.allSatisfy({ $0.brokerIDs == [1] }) ?? true else {
                        result.errorCode = .invalidReplicaAssignment
                        result.errorMessage = "every partition belongs to broker 1, the only one"
                        return result
                    }
                    do throws(BrokerError) {
                        try service.broker.addPartitions(
                            to: topic.name, count: topic.count, validateOnly: validateOnly)
                    } catch {
                        (result.errorCode, result.errorMessage) = (ErrorCode(error), error.reason)
                    }
                    return result
                }
            })
    }
}
