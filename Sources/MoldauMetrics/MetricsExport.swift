public import CoreMetrics
public import Moldau

/// Passes an application's metrics on to swift-metrics, and so to the backend that the program has bootstrapped.
///
/// ```swift
/// let app = StreamsApplication(id: "shop", topology: topology, cluster: .embedded(at: "data"))
/// let export = MetricsExport(of: app)
/// async let exporting: Void = export.run()    // until it is cancelled
/// try await app.run(stoppingAt: [SIGINT, SIGTERM])
/// ```
/// Asks the application from time to time: the threads that process records never call a backend. Names, labels and
/// meanings are those of `Metric`; there is one more dimension, `application`.
public struct MetricsExport: Sendable {
    private let app: StreamsApplication
    private let interval: Duration
    private let factory: (any MetricsFactory)?

    /// - Parameters:
    ///   - app: whose metrics they are.
    ///   - interval: the time between two questions.
    ///   - factory: the backend; nil: the one that `MetricsSystem.bootstrap` has set by the time of `run`.
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
