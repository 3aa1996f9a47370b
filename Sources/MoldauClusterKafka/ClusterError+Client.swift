internal import MoldauClient
internal import MoldauCluster
internal import MoldauRecords

/// Runs a client's call and converts its error to the port's.
func translating<Result>(_ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as ClientError {
        throw ClusterError(error)
    } catch let failure as BatchFailure {
        throw ClusterError(failure)
    }
}

extension ClusterError {
    init(_ error: ClientError) {
        self =
            switch error {
            case .unknownTopic(let name): .unknownTopic(name)
            case .unknownPartition(let name, let count): .unknownPartition(name, partitionCount: count)
            case .fenced(let id): .producerFenced(id: id)
            case .transactionFailed(let reason), .commitUnknown(let reason): .transactionAborted(id: "", reason: reason)
            case .notMember(let group, let reason): .notMember(group: group, reason: reason)
            case .closed: .closed
            // Every other client would get the same error.
            case .invalidSetting, .logInFailed, .unsupportedAPI: .offline(reason: error.description)
            default: .unavailable(reason: error.description)
            }
    }

    /// The port's error for a batch that failed.
    init(_ failure: BatchFailure) {
        switch failure.underlying {
        case .recordTooLarge(let bytes, let limit):
            self = .recordTooLarge(failure.partition, bytes: bytes, limit: limit)
        case .refused(_, let name, _) where failure.underlying.refusal.map(Refusal.ofRecords.contains) ?? false:
            self = .invalidRecord(failure.partition, reason: "\(name), a batch of \(failure.byteCount) bytes")
        default: self.init(failure.underlying)
        }
    }
}
