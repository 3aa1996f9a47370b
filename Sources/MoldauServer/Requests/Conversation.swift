internal import Logging
package import MoldauBroker
package import MoldauLog
internal import NIOCore
internal import NIOPosix

/// One client of a server without a socket, for a driver that runs both by hand: it sends frames and gets the answers,
/// and nothing happens in between. The broker's callbacks must be driven by hand, too. Calls block until all work that
/// is due is done.
package final class Conversation<Files: FileSystem> {
    /// What the client receives.
    package enum Reply: Equatable, Sendable {
        /// A frame, with its length in front.
        case frame([UInt8])
        /// For a request that has no answer.
        case nothing
        /// The connection is closed.
        case closed(reason: String)
    }

    private let broker: Broker<Files>
    private let connection: Connection
    private let logsIn: Bool
    private var isClosed = false

    /// A client that has connected.
    /// - Parameter logsIn: whether it has to log in.
    package init(with broker: Broker<Files>, _ options: ServerOptions, logsIn: Bool = false) {
        (self.broker, self.logsIn) = (broker, logsIn)
        broker.limitTopics(to: TopicLimits(topics: options.maxTopics, partitions: options.maxPartitions))
        // As with encryption, all records of answers are in memory.
        let security = logsIn ? SecurityProtocol.saslSSL : .ssl
        let silent = Logger(label: "moldau.server") { _ in SwiftLogNoOpLogHandler() }
        let service = RequestService(broker, options, drivenThreads.pools, silent)
        connection = Connection(
            number: 1, clientAddress: "192.0.2.1",
            localAddress: ListenAddress(host: "localhost", port: 9_092, security: security),
            authentication: logsIn
                ? Authentication(options.logInMechanisms(security), lifetime: options.logInLifetime)
                : Authentication(of: .anonymous),
            maxUnanswered: options.maxUnansweredRequests, pool: drivenThreads.pools.work,
            memory: ConnectionTable(options), door: ConnectionDoor(drivenThreads.loops.next())
        ) { frame, connection, reply in service.work(frame, of: connection, then: reply) }
    }

    /// Sends frames, each without its length, that the server gets with one read.
    /// - Returns: the replies since the last call, in order.
    package func send(_ frames: [[UInt8]]) -> [Reply] {
        if isClosed { return [] }
        var received = frames.map(ByteBuffer.init(bytes:))
        connection.receive(&received)
        return settle()
    }

    /// Whether requests are unanswered.
    package var isWaiting: Bool { !isClosed && !connection.isIdle }

    /// The replies since the last call, for example after the broker's clock has advanced.
    package func settle() -> [Reply] {
        var replies: [Reply] = []
        var quietRounds = 0
        // An answer can pass through several threads, one after the other.
        while quietRounds < 3 {
            let answers = isClosed ? [] : connection.takeAnswers()
            for answer in answers where !isClosed { replies += take(answer) }
            drivenThreads.wait(for: drivenThreads.pools.work)
            broker.callbacks.runDue()
            if logsIn { drivenThreads.wait(for: drivenThreads.pools.logIns) }
            quietRounds = answers.isEmpty ? quietRounds + 1 : 0
        }
        return replies
    }

    /// Disconnects the client; waits are cancelled.
    package func close() {
        isClosed = true
        connection.closed()
        _ = settle()
    }

    private func take(_ answer: Answer) -> [Reply] {
        switch answer {
        case .nothing: return [.nothing]
        case .frame(let parts):
            connection.noteSent(answer.size)
            return [.frame(bytes(parts))]
        case .last(let parts, let reason):
            close()
            return [.frame(bytes(parts)), .closed(reason: reason)]
        case .close(let reason):
            close()
            return [.closed(reason: reason)]
        }
    }

    private func bytes(_ parts: [Answer.Part]) -> [UInt8] {
        parts.flatMap { part in
            switch part {
            case .bytes(let bytes): return Array(bytes.readableBytesView)
            case .file: preconditionFailure("an encrypted connection gets bytes from a file")
            }
        }
    }
}

/// The threads of all conversations: one of each kind, so that the work has a fixed order.
private struct DrivenThreads {
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let pools: ServerPools

    init() {
        var options = ServerOptions()
        options.workThreads = 1
        pools = ServerPools(options)
        pools.start()
    }

    /// Waits until a pool has done all its work, and the event loop what that submitted.
    func wait(for pool: NIOThreadPool) {
        let loop = loops.next()
        try? pool.runIfActive(eventLoop: loop) {}.wait()
        try? loop.submit {}.wait()
    }
}

private let drivenThreads = DrivenThreads()
