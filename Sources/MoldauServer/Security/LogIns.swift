internal import Logging
internal import MoldauBroker
internal import MoldauLog
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Logs clients in. Passwords are checked on a separate thread, because that takes long and must not delay other
/// requests; clients' addresses take turns there, so that one that guesses passwords does not lock out others.
final class LogIns<Files: FileSystem>: Sendable {
    private let security: Security<Files>
    private let options: ServerOptions
    private let logger: Logger
    private let pool: NIOThreadPool
    private let passwords = Mutex(FairQueue<@Sendable () -> Void>())

    init(_ security: Security<Files>, _ options: ServerOptions, _ pool: NIOThreadPool, _ logger: Logger) {
        self.security = security
        self.options = options
        self.pool = pool
        self.logger = logger
    }

    /// Processes a client's token. Called on a worker's thread.
    /// - Parameter completion: gets the result, on some thread; a failure only after a delay.
    func take(
        _ token: [UInt8], of connection: Connection, then completion: @escaping @Sendable (Authentication.Step) -> Void
    ) {
        guard connection.authentication.withLock({ $0.expectsPassword }) else {
            return check(token, of: connection, then: completion)
        }
        passwords.withLock { queue in
            queue.append({ self.check(token, of: connection, then: completion) }, of: connection.clientAddress)
        }
        pool.submit { _ in self.passwords.withLock { $0.next() }?() }
    }

    private func check(
        _ token: [UInt8], of connection: Connection, then completion: @escaping @Sendable (Authentication.Step) -> Void
    ) {
        let known = Authentication.Knowledge(
            user: { self.security.user($0) }, decoySeed: security.decoySeed, nonce: Self.nonce())
        // A copy, so that the event loop, which checks whether the client is authenticated, does not wait meanwhile. A
        // connection has one token at a time.
        var log = connection.authentication.withLock { $0 }
        let step = log.take(token, known, now: Self.now)
        let principal = log.principal
        connection.authentication.withLock { [log] in $0 = log }
        switch step {
        case .failed(let user, let reason):
            logger.warning(
                "a log-in failed",
                metadata: [
                    "client": "\(connection.clientAddress)", "user": "\(Self.shown(user))", "reason": "\(reason)",
                ])
            connection.door.after(options.failedLogInDelay) { completion(step) }
        case .done:
            logger.debug(
                "a client has logged in",
                metadata: [
                    "client": "\(connection.clientAddress)", "principal": "\(principal?.description ?? "")",
                ])
            completion(step)
        case .challenge, .unexpected: completion(step)
        }
    }

    /// The time of a clock that is never set.
    static var now: Duration { .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }

    private static func nonce() -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        var system = SystemRandomNumberGenerator()
        return String((0..<32).map { _ in letters[Int.random(in: 0..<letters.count, using: &system)] })
    }

    /// A client's name for itself, made safe for a log.
    private static func shown(_ user: String?) -> String {
        guard let user else { return "(none)" }
        return String(user.unicodeScalars.prefix(64).map { $0.value < 32 || $0.value == 127 ? "?" : Character($0) })
    }
}
