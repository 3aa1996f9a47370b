internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension RequestService {
    /// Commits positions of a group, for a member or in a transaction.
    /// - Parameter completion: gets an error code for each position, in their order.
    func commit(
        _ positions: [CommittedPosition], _ member: MemberGeneration,
        in transaction: (id: String, producer: ProducerIdentity)? = nil,
        then completion: @escaping @Sendable ([ErrorCode]) -> Void
    ) {
        let codes = positions.map { position -> ErrorCode in
            (try? broker.partition(position.partition)) == nil ? .unknownTopicOrPartition : .none
        }
        let places = positions.indices.filter { codes[$0] == .none }
        guard !places.isEmpty else { return completion(codes) }
        let commit = GroupRequest.Commit(member, places.map { positions[$0] }, producer: transaction?.producer)
        let answer: @Sendable (Result<GroupAnswer, BrokerError>) -> Void = { result in
            var codes = codes
            switch result {
            case .success(.commit(let answers)):
                for (place, answer) in zip(places, answers) { codes[place] = ErrorCode(answer.error) }
            case .success: for place in places { codes[place] = .unknownServerError }
            case .failure(let error): for place in places { codes[place] = ErrorCode(group: error) }
            }
            completion(codes)
        }
        if let transaction {
            broker.commitInTransaction(commit, transaction.id, then: answer)
        } else {
            broker.ask(.commit(commit), then: answer)
        }
    }
}

extension ErrorCode {
    init(_ error: GroupError) { self.init(rawValue: error.rawValue) }

    /// The error code if a group is unavailable, or a transaction is not open.
    init(group error: BrokerError) {
        self = error.producerErrorCode(knowsFencing: false).map(ErrorCode.init(rawValue:)) ?? .coordinatorNotAvailable
    }
}
