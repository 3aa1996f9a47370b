import MoldauRecords
import NIOCore
import Synchronization

/// A client's connection and the one to the broker that continues it. Both are on one event loop.
final class ProxiedConnection: Sendable {
    private struct State {
        var generator: SeededGenerator
        var broker: (any Channel)?
        /// Data that was sent before the broker was connected.
        var held: [(ByteBuffer, NIODeadline)] = []
        /// The answer to the request that was sent last is cut in half.
        var cutsAnswer = false
        var isBlackHole = false
        var isSilent = false
        /// Data in transit arrives no earlier: nothing overtakes within a connection.
        var brokerTime = NIODeadline.now()
        var clientTime = NIODeadline.now()
    }

    private let client: any Channel
    private let state: Mutex<State>
    private let spend: @Sendable (NetworkFault) -> Bool

    init(_ client: any Channel, seed: UInt64, spend: @escaping @Sendable (NetworkFault) -> Bool) {
        self.client = client
        self.spend = spend
        state = Mutex(State(generator: SeededGenerator(seed: seed)))
    }

    /// The broker was connected.
    func reach(_ broker: any Channel) {
        let held = state.withLock { state in
            state.broker = broker
            defer { state.held = [] }
            return state.held
        }
        for (bytes, time) in held { send(bytes, at: time) }
        if !client.isActive { end(isClient: true) }
    }

    /// A request of the client.
    func request(_ frame: ByteBuffer) {
        let fault = state.withLock { state -> NetworkFault? in
            guard Int.random(in: 0..<FaultProxy.oneIn, using: &state.generator) == 0 else { return nil }
            return NetworkFault.allCases.randomElement(using: &state.generator)
        }
        guard !state.withLock(\.isBlackHole) else { return }
        guard let fault, spend(fault) else { return pass(frame, after: .zero) }
        let pause = TimeAmount.milliseconds(state.withLock { Int64.random(in: 1...120, using: &$0.generator) })
        switch fault {
        case .cutBefore: client.close(promise: nil)
        case .cutAfter:
            state.withLock { $0.isSilent = true }
            pass(frame, after: .zero)
            client.close(promise: nil)
        case .late:
            state.withLock { $0.isSilent = true }
            pass(frame, after: pause)
            client.close(promise: nil)
        case .halfRequest:
            state.withLock { $0.isSilent = true }
            pass(frame.getSlice(at: frame.readerIndex, length: frame.readableBytes / 2) ?? frame, after: .zero)
            client.close(promise: nil)
        case .halfAnswer:
            state.withLock { $0.cutsAnswer = true }
            pass(frame, after: .zero)
        case .delay: pass(frame, after: pause)
        case .blackHole: state.withLock { $0.isBlackHole = true }
        case .silence:
            state.withLock { $0.isSilent = true }
            pass(frame, after: .zero)
        }
    }

    /// An answer of the broker.
    func answer(_ frame: ByteBuffer) {
        let (isLost, isCut, time) = state.withLock { state in
            state.clientTime = max(state.clientTime + .nanoseconds(1), .now())
            return (state.isBlackHole || state.isSilent, state.cutsAnswer, state.clientTime)
        }
        if isLost { return }
        if isCut {
            let half = frame.getSlice(at: frame.readerIndex, length: frame.readableBytes / 2) ?? frame
            let client = client
            return client.writeAndFlush(half).whenComplete { _ in client.close(promise: nil) }
        }
        client.eventLoop.scheduleTask(deadline: time) { [client] in client.writeAndFlush(frame, promise: nil) }
    }

    /// One of the two has ended. What was sent to the broker still arrives.
    func end(isClient: Bool) {
        guard isClient else { return client.close(promise: nil) }
        let (broker, time) = state.withLock { ($0.broker, $0.brokerTime) }
        guard let broker else { return }
        // Kafka's brokers do not check for the end of a connection before they have handled its requests.
        client.eventLoop.scheduleTask(deadline: max(time, .now()) + .milliseconds(200)) { broker.close(promise: nil) }
    }

    private func pass(_ frame: ByteBuffer, after pause: TimeAmount) {
        let time = state.withLock { state in
            state.brokerTime = max(state.brokerTime + .nanoseconds(1), .now() + pause)
            return state.brokerTime
        }
        send(frame, at: time)
    }

    private func send(_ bytes: ByteBuffer, at time: NIODeadline) {
        let broker = state.withLock { state -> (any Channel)? in
            if state.broker == nil { state.held.append((bytes, time)) }
            return state.broker
        }
        guard let broker else { return }
        client.eventLoop.scheduleTask(deadline: time) { broker.writeAndFlush(bytes, promise: nil) }
    }
}

/// Splits the bytes that one side sends into frames.
final class ProxiedFrames: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ProxiedConnection
    private let isClient: Bool
    private var received = ByteBuffer()

    init(_ connection: ProxiedConnection, isClient: Bool) { (self.connection, self.isClient) = (connection, isClient) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        while let length = received.getInteger(at: received.readerIndex, as: Int32.self),
            let frame = received.readSlice(length: Int(length) + 4)
        {
            if isClient { connection.request(frame) } else { connection.answer(frame) }
        }
        received.discardReadBytes()
    }

    func channelInactive(context: ChannelHandlerContext) { connection.end(isClient: isClient) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
