import Foundation
import Logging
import MoldauCluster
import MoldauRuntime
import ServiceLifecycle
import Synchronization

/// Judges the lag of groups: takes a sample every few seconds, as long as the console runs.
final class LagHub: Service {
    /// Longer than the intervals at which applications and consumers commit.
    static let interval = Duration.seconds(5)

    private let progress: @Sendable () async throws -> [GroupProgress]
    private let monitor = Mutex(LagMonitor())

    /// - Parameter progress: how far the groups are; empty before there is a cluster.
    init(_ progress: @escaping @Sendable () async throws -> [GroupProgress]) { self.progress = progress }

    /// What the samples so far say.
    var report: LagReport { monitor.withLock { $0.report } }

    /// Runs until it is cancelled or shut down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                // What cannot be asked now is asked again later.
                if let sample = try? await self.progress() {
                    let now = Duration.seconds(ProcessInfo.processInfo.systemUptime)
                    self.monitor.withLock { $0.add(sample, at: now) }
                }
                try await Task.sleep(for: Self.interval)
            }
        }
    }
}
