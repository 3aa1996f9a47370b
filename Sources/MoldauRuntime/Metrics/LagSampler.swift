import MoldauCluster
import MoldauRecords
import MoldauTopology
import Synchronization

/// Samples the progress of groups when their lag is requested, but not too often.
actor LagSampler {
    /// The shortest time between two samples: consumers commit about as often.
    private static let interval = Duration.seconds(5)

    private var monitor = LagMonitor()
    private var lastSample: Duration?
    private var isSampling = false

    /// Returns the lag, with a new sample if the last one is old and no other caller is taking one.
    /// - Parameter now: by the monotonic clock.
    func report(at now: Duration, _ sample: @Sendable () async throws -> [GroupProgress]) async throws -> LagReport {
        if isSampling { return monitor.report }
        if let lastSample, now - lastSample < Self.interval { return monitor.report }
        isSampling = true
        defer { isSampling = false }
        monitor.add(try await sample(), at: now)
        lastSample = now
        return monitor.report
    }
}

extension StreamsEngine {
    /// The lag of the application's group, or of all groups of the cluster; see `LagSampler`. Empty before the start.
    /// - Throws: `ClusterError`.
    package func lag(ofAllGroups: Bool) async throws -> LagReport {
        guard let cluster = inner.withLock({ $0.cluster }) else { return LagReport() }
        let group = names.applicationID
        return try await (ofAllGroups ? allLagSampler : lagSampler).report(at: clock().uptime) {
            try await cluster.withAdmin { try $0.progress(of: ofAllGroups ? nil : [group]) }
        }
    }
}
