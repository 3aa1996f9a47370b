// Fetch (1): durable batches as they are on disk; waits until there are enough, or until the wait time has passed.
//
// Not supported: fields for followers. A partition whose first batch exceeds the requested size returns that batch, if
// no partition before it returned any.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

extension FetchRequest: ServedRequest {
    static var mayWait: Bool { true }

    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<FetchResponse>) {
        let context: FetchContext
        switch begin(service, call.version) {
        case .success(let begun): context = begun
        case .failure(let refusal):
            return call.answer(
                FetchResponse {
                    $0.errorCode = refusal.code
                    $0.sessionID = refusal.session
                })
        }
        let fetch = PartitionsFetch(self, context, service, call)
        fetch.begin()
    }

    private struct Refusal: Error {
        var code: ErrorCode
        var session: Int32 = 0
    }

    /// What to read, according to the session.
    private func begin<Files: FileSystem>(
        _ service: RequestService<Files>, _ version: Int16
    ) -> Result<FetchContext, Refusal> {
        let named = topics.flatMap { topic in topic.partitions.map { FetchedPartition(topic, $0, service) } }
        if sessionEpoch == -1 || sessionEpoch == 0 {
            if sessionID != 0 { service.sessions.end(sessionID) }
            let session =
                sessionEpoch == 0 && version >= 7
                ? service.sessions.begin(usesIDs: version >= 13, named) : nil
            return .success(FetchContext(partitions: named, session: session, isIncremental: false))
        }
        guard let session = service.sessions.find(sessionID) else {
            return .failure(Refusal(code: .fetchSessionIDNotFound))
        }
        guard session.usesIDs == (version >= 13) else {
            return .failure(Refusal(code: .fetchSessionTopicIDError, session: sessionID))
        }
        let forgotten = Set(
            forgottenTopicsData.flatMap { topic in
                topic.partitions.map { FetchedPartition.Key(topic: topic.topic, topicID: topic.topicID, number: $0) }
            })
        let partitions: [FetchedPartition]? = session.state.withLock { state in
            guard state.epoch == sessionEpoch else { return nil }
            state.advance()
            let before = state.partitions.count
            for partition in named { state.set(partition) }
            state.remove(forgotten)
            service.sessions.note(added: state.partitions.count - before)
            return state.partitions
        }
        guard let partitions else {
            return .failure(Refusal(code: .invalidFetchSessionEpoch, session: sessionID))
        }
        return .success(FetchContext(partitions: partitions, session: session, isIncremental: true))
    }
}

extension FetchedPartition {
    fileprivate init<Files: FileSystem>(
        _ topic: FetchRequest.Topic, _ partition: FetchRequest.Partition, _ service: RequestService<Files>
    ) {
        let name = topic.topicID == .zero ? topic.topic : service.topic(topic.topicID)?.name ?? ""
        self.init(
            name: TopicPartition(name, partition.partition), topicID: topic.topicID, offset: partition.fetchOffset,
            maxBytes: Int(partition.partitionMaxBytes), leaderEpoch: partition.currentLeaderEpoch)
    }
}

/// What a fetch reads.
struct FetchContext: Sendable {
    var partitions: [FetchedPartition]
    var session: FetchSession?
    /// Whether only changes are returned.
    var isIncremental: Bool
}
