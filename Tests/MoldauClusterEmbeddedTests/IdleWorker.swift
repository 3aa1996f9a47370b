import MoldauCluster
import Synchronization

/// A group member that only stores its shares: what it reported itself.
final class IdleWorker: GroupWorker {
    private let taken = Mutex<[[UInt8]]>([])

    var shares: [[UInt8]] { taken.withLock { $0 } }

    func report() -> GroupReport { GroupReport(topics: [], data: [1, 2, 3]) }
    func divide(_ reports: [String: [UInt8]]) throws -> [String: GroupShare] {
        reports.mapValues { GroupShare(partitions: [], data: $0) }
    }
    func take(_ share: [UInt8]) { taken.withLock { $0.append(share) } }
    func lost(because reason: String) {}
    func failed(_ error: ClusterError) {}
}
