import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
public import Moldau
import MoldauRuntime
import NIOCore
public import ServiceLifecycle
import Synchronization

/// Shows a running application over HTTP: queries of its stores, its topology, status, lag, events, explanations, and a
/// live page, read-only. `Docs/Queries.md` lists the paths.
///
/// ```swift
/// let console = StreamsConsole(app, at: .localhost(8080))
/// let group = ServiceGroup(services: [app, console], logger: logger)
/// try await group.run()
/// ```
/// A service of swift-service-lifecycle; `run` works without a group as well. It may start before its application and
/// end after it: until the application runs, queries wait or are answered with 503. A console can run only once.
public final class StreamsConsole: Service {
    private let app: StreamsApplication
    private let address: ConsoleAddress
    private let logger: Logger
    private let onListening: @Sendable (_ url: String) -> Void
    private let isListening = Mutex(false)

    /// - Parameters:
    ///   - app: the application to show.
    ///   - address: where to listen, and who may use the console.
    ///   - logger: logs the address, and errors of connections.
    ///   - onListening: called with the page's address once connections are accepted.
    public init(
        _ app: StreamsApplication, at address: ConsoleAddress, logger: Logger = Logger(label: "moldau.console"),
        onListening: @escaping @Sendable (_ url: String) -> Void = { _ in }
    ) {
        (self.app, self.address, self.logger, self.onListening) = (app, address, logger, onListening)
    }

    /// Serves requests until it is cancelled or its service group shuts down; open event streams end then.
    /// - Throws: `ConsoleAddressError` if it cannot listen; errors of the certificate's files.
    public func run() async throws {
        let subject = ConsoleSubject(engine: app.engine)
        let responder = ConsoleResponder(Routes.all(of: subject), gate: ConsoleGate(address), limits: subject.limits)
        let server = try address.server
        let (scheme, host) = (address.scheme, address.host)
        let application = Application(
            responder: responder, server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: address.port), serverName: nil,
                availableConnectionsDelegate: MaximumAvailableConnections(ConsoleLimits.connections, logger: logger)),
            services: [subject.updates],
            onServerRunning: { [logger, onListening] channel in
                self.isListening.withLock { $0 = true }
                let port = channel.localAddress?.port ?? 0
                let url = "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)/"
                logger.info("the console is at \(url)")
                onListening(url)
            }, logger: logger)
        var configuration = ServiceGroupConfiguration(services: [application], logger: logger)
        configuration.maximumGracefulShutdownDuration = Self.patience
        let group = ServiceGroup(configuration: configuration)
        // Cancellation works like shutdown: requests in progress are still answered.
        let running = Task { try await group.run() }
        do {
            try await withTaskCancellationHandler {
                try await running.value
            } onCancel: {
                Task { await group.triggerGracefulShutdown() }
            }
        } catch let error as IOError where !isListening.withLock({ $0 }) {
            throw ConsoleAddressError.cannotListen(
                host: host, port: address.port, reason: String(cString: strerror(error.errnoCode)))
        }
    }

    /// How long requests in progress may take at shutdown.
    private static let patience = Duration.seconds(5)
}

/// Why a console does not run.
public enum ConsoleAddressError: Error, Equatable, CustomStringConvertible {
    /// It cannot listen at its address; `reason` is the system's.
    case cannotListen(host: String, port: Int, reason: String)

    public var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason):
            "the console cannot listen on port \(port) of \(host): \(reason); choose another port, or stop the program that uses it"
        }
    }
}
