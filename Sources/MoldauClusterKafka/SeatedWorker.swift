internal import MoldauClient
internal import MoldauCluster
internal import MoldauRecords

/// Passes the group's calls on to the engine's member.
final class SeatedWorker: GroupSeatHolder {
    private let worker: any GroupWorker

    init(_ worker: any GroupWorker) { self.worker = worker }

    func report() -> (topics: Set<String>, data: [UInt8]) {
        let report = worker.report()
        return (report.topics, report.data)
    }

    func divide(_ members: [String: [UInt8]]) throws -> [String: (partitions: Set<TopicPartition>, data: [UInt8])] {
        try worker.divide(members).mapValues { ($0.partitions, $0.data) }
    }

    func seated(_ share: [UInt8]) { worker.take(share) }
    func lost(_ reason: String) { worker.lost(because: reason) }
    func failed(_ error: ClientError) { worker.failed(ClusterError(error)) }
}
