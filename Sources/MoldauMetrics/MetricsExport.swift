public import CoreMetrics
public import Moldau

/// Exports an application's metrics to swift-metrics, and so to the backend that the program has bootstrapped.
///
/// ```swift
/// let app = StreamsApplication(id: "shop", topology: topology, cluster: .embedded(at: "data"))
/// let export = MetricsExport(of: app)
/// async let _: Void = export.run()  // Until it is cancelled.
/// try await app.run(stoppingAt: [SIGINT, SIGTERM])
/// ```
/// Polls the application at intervals: the threads that process records never call a backend. Names, labels and
/// meanings are those of `Metric`; there is one more dimension, `application`.
public struct MetricsExport: Sendable {
    private let app: StreamsApplication
    private let interval: Duration
    private let factory: (any MetricsFactory)?

    /// - Parameters:
    ///   - app: the application whose metrics are exported.
    ///   - interval: the time between two polls.
    ///   - factory: the backend; nil: the one that `MetricsSystem.bootstrap` has set when `run` is called.
    public init(
        of app: StreamsApplication, every interval: Duration = .seconds(10), to factory: (any MetricsFactory)? = nil
    ) {
        (self.app, self.interval, self.factory) = (app, interval, factory)
    }

    /// Exports until the task is cancelled; then the values are removed from the backend. Does not block.
    public func run() async {
        var handles = MetricHandles(application: app.id, factory: factory ?? MetricsSystem.factory)
        while let found = try? await app.measurements() {
            handles.update(found)
            try? await Task.sleep(for: interval)
        }
        handles.removeAll()
    }
}
