public import Moldau
@_exported public import ServiceLifecycle

/// Runs an application in a `ServiceGroup`, for example beside a web server. In a module of its own, because
/// swift-service-lifecycle and the packages it depends on take a quarter of an application's build time.
extension StreamsApplication: Service {
    /// Runs until it is shut down gracefully, cancelled, stopped, or fails. A graceful shutdown commits and closes.
    /// - Throws: why it could not start, or the error that ended it.
    public func run() async throws {
        try await withGracefulShutdownHandler {
            try await run(stoppingAt: [])
        } onGracefulShutdown: {
            self.requestStop()
        }
    }
}
