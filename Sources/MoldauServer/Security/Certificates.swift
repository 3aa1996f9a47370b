internal import Foundation
internal import Logging
internal import NIOSSL
internal import Synchronization

/// The certificates of encrypted addresses. Their files are reloaded when they change, for later handshakes:
/// certificates that expire are replaced while the server runs. If the new files are unusable, the old certificates
/// stay in use.
final class Certificates: Sendable {
    /// Changes whenever a file is written or replaced.
    private struct Stamp: Equatable {
        let modified: Date?
        let size: Int?
        let number: Int?

        /// Links are resolved: certificates from a cluster's secrets are updated by replacing a link.
        init(_ path: String) {
            let file = URL(filePath: path).resolvingSymlinksInPath().path
            let attributes = try? FileManager.default.attributesOfItem(atPath: file)
            modified = attributes?[.modificationDate] as? Date
            size = (attributes?[.size] as? NSNumber)?.intValue
            number = (attributes?[.systemFileNumber] as? NSNumber)?.intValue
        }
    }

    private struct State {
        var context: NIOSSLContext
        /// The stamps of the files as last read.
        var stamps: [Stamp]
        var nextLook: ContinuousClock.Instant
    }

    private let options: TLSOptions
    private let logger: Logger
    private let state: Mutex<State>

    /// The minimum time between two checks of the files.
    private static var pause: Duration { .seconds(1) }

    /// Reads the files from the options. Blocks.
    /// - Throws: `ServerError.tls`.
    init(_ options: TLSOptions, at now: ContinuousClock.Instant, _ logger: Logger) throws(ServerError) {
        self.options = options
        self.logger = logger
        let stamps = Self.stamps(options)
        let context = try TLSContext.make(options)
        state = Mutex(State(context: context, stamps: stamps, nextLook: now + Self.pause))
    }

    /// The context for the next handshake.
    var context: NIOSSLContext { state.withLock { $0.context } }

    /// Whether the files should be checked now: true from time to time, for one caller, which then calls `look`.
    func isLookDue(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            guard now >= state.nextLook else { return false }
            state.nextLook = now + Self.pause
            return true
        }
    }

    /// Reads the files if they have changed. Blocks.
    func look() {
        // Taken before the files are read: changes meanwhile are found by the next check.
        let stamps = Self.stamps(options)
        guard state.withLock({ $0.stamps != stamps }) else { return }
        do throws(ServerError) {
            let context = try TLSContext.make(options)
            state.withLock { ($0.context, $0.stamps) = (context, stamps) }
            logger.notice("the certificate was reloaded", metadata: ["file": "\(options.certificatePath)"])
        } catch {
            state.withLock { $0.stamps = stamps }
            logger.error(
                "the changed certificate cannot be used; the old one stays in use until the files change again",
                metadata: ["reason": "\(error)"])
        }
    }

    private static func stamps(_ options: TLSOptions) -> [Stamp] {
        [options.certificatePath, options.keyPath, options.clientAuthorityPath].compactMap { $0 }.map(Stamp.init)
    }
}
