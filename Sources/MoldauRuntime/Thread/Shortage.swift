import MoldauCluster
import MoldauState

/// What a stream thread has no room for. It processes nothing more until there is room again.
enum Shortage: Equatable {
    /// State alone: what was done is committed, and comes back from the changelogs.
    case state
    /// The cluster takes no more: what was done since the last commit is gone where the thread stops.
    case cluster

    /// nil where waiting for room does not help.
    init?(_ error: any Error) {
        switch error {
        case let error as ClusterError where error.remedy == .retry: self = .cluster
        case StateError.noSpace: self = .state
        default: return nil
        }
    }

    /// Where both have no room, it is the cluster's that counts.
    func joined(_ other: Shortage?) -> Shortage { other == .cluster ? .cluster : self }
}
