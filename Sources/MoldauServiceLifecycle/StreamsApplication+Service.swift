public import Moldau
@_exported public import ServiceLifecycle

/// An application runs in a `ServiceGroup`, beside a web server for example. The package swift-service-lifecycle brings
/// others with it and takes a quarter of an application's build time, so that only programs that use it build it.
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
