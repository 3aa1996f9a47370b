import MoldauCluster
import MoldauState

/// Which disk space a stream thread lacks. It processes nothing more until there is space again.
enum Shortage: Equatable {
    /// Only the state's disk is full: completed work is committed, and can be restored from the changelogs.
    case state
    /// The cluster accepts nothing more: the work since the last commit is lost if the thread stops.
    case cluster

    /// nil if waiting for space does not help.
    init?(_ error: any Error) {
        switch error {
        case let error as ClusterError where error.remedy == .retry: self = .cluster
        case StateError.noSpace: self = .state
        default: return nil
        }
    }

    /// If both lack space, the cluster's shortage takes precedence.
    func joined(_ other: Shortage?) -> Shortage { other == .cluster ? .cluster : self }
}
