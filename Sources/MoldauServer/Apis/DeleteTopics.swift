// DeleteTopics (20): by name, from version 6 on by id too.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension DeleteTopicsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DeleteTopicsResponse>) {
        let wanted = call.version >= 6 ? topics : topicNames.map { name in Topic { $0.name = name } }
        call.answer(DeleteTopicsResponse { $0.responses = wanted.map { delete($0, service) } })
    }

    private func delete<Files: FileSystem>(
        _ topic: Topic, _ service: RequestService<Files>
    ) -> DeleteTopicsResponse.Topic {
        var response = DeleteTopicsResponse.Topic()
        (response.name, response.topicID) = (topic.name, topic.topicID)
        if topic.name != nil, topic.topicID != .zero {
            response.errorCode = .invalidRequest
            response.errorMessage = "a topic is named by its name or by its id, not by both"
            return response
        }
        guard let found = topic.name.map({ service.broker.topic($0) }) ?? service.topic(topic.topicID) else {
            response.errorCode = topic.name == nil ? .unknownTopicID : .unknownTopicOrPartition
            response.errorMessage = topic.name == nil ? "there is no topic with this id" : "there is no such topic"
            return response
        }
        do throws(BrokerError) {
            try service.broker.delete(found.name)
            (response.name, response.topicID) = (found.name, found.id ?? .zero)
        } catch {
            (response.errorCode, response.errorMessage) = (ErrorCode(error), error.reason)
        }
        return response
    }
}
