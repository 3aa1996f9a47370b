import Foundation
import Testing

extension Trait where Self == ConditionTrait {
    /// Only where `CLUSTER_KILLS` is set, as `make crash-cluster` does: beside the whole suite these tests have hung.
    static var onDemand: Self {
        .enabled(if: ProcessInfo.processInfo.environment["CLUSTER_KILLS"] != nil, "make crash-cluster runs these")
    }
}
