import MoldauRecords
import NIOCore
import NIOPosix
import Synchronization

/// A network's effect on a connection.
enum NetworkFault: CaseIterable {
    /// The connection ends, and the request never arrives.
    case cutBefore
    /// The request arrives, and the connection ends before the answer.
    case cutAfter
    /// The connection ends; the request arrives long after the client has sent it again on another one.
    case late
    /// Half of the request arrives, then the connection ends.
    case halfRequest
    /// Half of the answer arrives, then the connection ends.
    case halfAnswer
    /// Data in transit is delayed, and other connections overtake it.
    case delay
    /// Nothing arrives any more, and the connection stays open.
    case blackHole
    /// Requests arrive, and answers do not.
    case silence
}

/// Stands between clients and a broker, and applies network faults to their requests. A seed decides what happens to
/// the nth request of the nth connection.
final class FaultProxy: Sendable {
    private struct State {
        var upstream = 0
        var seed: UInt64 = 0
        var connections: UInt64 = 0
        var faultsLeft = 0
        var done: [NetworkFault: Int] = [:]
    }

    private let state = Mutex(State())
    private let channel: any Channel
    /// One request in this many has a fault.
    static let oneIn = 6

    var port: Int { channel.localAddress?.port ?? 0 }
    /// How often each fault has occurred.
    var done: [NetworkFault: Int] { state.withLock(\.done) }

    init() async throws {
        let holder = Holder()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try holder.proxy?.accept(channel) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        holder.proxy = self
    }

    /// Sets where connections lead, and how many faults occur.
    func begin(upstream: Int? = nil, seed: UInt64, faults: Int) {
        state.withLock { state in
            if let upstream { state.upstream = upstream }
            (state.seed, state.connections, state.faultsLeft) = (seed, 0, faults)
        }
    }

    func close() async throws { try await channel.close() }

    private func accept(_ client: any Channel) throws {
        let (upstream, seed) = state.withLock { state in
            state.connections += 1
            return (state.upstream, state.seed &* 1_000_003 &+ state.connections)
        }
        let connection = ProxiedConnection(client, seed: seed) { [weak self] fault in self?.spend(fault) ?? false }
        try client.pipeline.syncOperations.addHandler(ProxiedFrames(connection, isClient: true))
        ClientBootstrap(group: client.eventLoop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { broker in
                broker.eventLoop.makeCompletedFuture {
                    try broker.pipeline.syncOperations.addHandler(ProxiedFrames(connection, isClient: false))
                }
            }
            .connect(host: "127.0.0.1", port: upstream)
            .whenComplete { result in
                switch result {
                case .success(let broker): connection.reach(broker)
                case .failure: client.close(promise: nil)
                }
            }
    }

    /// - Returns: whether the fault may still occur.
    private func spend(_ fault: NetworkFault) -> Bool {
        state.withLock { state in
            guard state.faultsLeft > 0 else { return false }
            state.faultsLeft -= 1
            state.done[fault, default: 0] += 1
            return true
        }
    }

    private final class Holder: Sendable {
        private let state = Mutex<Weak>(Weak())
        private struct Weak { weak var proxy: FaultProxy? }
        var proxy: FaultProxy? {
            get { state.withLock { $0.proxy } }
            set { state.withLock { $0.proxy = newValue } }
        }
    }
}
