import MoldauCluster

/// A group member that does nothing.
final class IdleWorker: GroupWorker {
    func report() -> GroupReport { GroupReport(topics: [], data: []) }
    func divide(_ reports: [String: [UInt8]]) throws -> [String: GroupShare] { [:] }
    func take(_ share: [UInt8]) {}
    func lost(because reason: String) {}
    func failed(_ error: ClusterError) {}
}
