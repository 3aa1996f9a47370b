// The way of a request:
//
//     event loop    frames of one read ──▶ queue
//     worker        queue ──▶ begin, one after the other ──▶ answers, whenever they come, from any thread
//     event loop    answers in the order of the requests ──▶ socket, flushed together
//
// A connection has one turn at a time: a worker takes its requests in order. A request that waits (a fetch for records,
// a member for its group) ends the turn until it is answered, as in Kafka; others are pipelined.

internal import MoldauRecords
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// What a connection's threads share.
final class Connection: Sendable {
    fileprivate struct State {
        var queue = CircularBuffer<ByteBuffer>()
        /// Whether a worker has the turn, or will get it.
        var hasTurn = false
        /// The waiting request that ended the last turn.
        var waiting: Int?
        var slots = AnswerSlots<Answer>()
        /// Answers that may leave.
        var ready: [Answer] = []
        /// Of answers that have not reached the socket.
        var unsent = UnsentBytes()
        var isPumpDue = false
        var isClosed = false
        /// Ends the wait of the waiting request.
        var cancel: (@Sendable () -> Void)?
    }

    /// Does one request, and calls back with its answer: once, from any thread.
    typealias Worker =
        @Sendable (_ frame: ByteBuffer, _ of: Connection, _ then: @escaping @Sendable (Answer) -> Void)
        -> RequestKind

    /// How a request runs beside those that follow it.
    enum RequestKind { case pipelined, waiting }

    let number: Int
    /// The client's address without its port.
    let clientAddress: String
    /// The address that the client has reached, as it is told: by its advertised name and port, if it has such.
    let localAddress: ListenAddress
    /// Who the client is, or how it gets known.
    let authentication: Mutex<Authentication>
    private let work: Worker
    private let pool: NIOThreadPool
    private let memory: ConnectionTable
    private let maxUnanswered: Int
    let door: ConnectionDoor
    private let state = Mutex(State())

    /// How many requests a turn takes before its answers are sent.
    private static var requestsPerTurn: Int { 128 }

    init(
        number: Int, clientAddress: String, localAddress: ListenAddress, authentication: Authentication,
        maxUnanswered: Int, pool: NIOThreadPool,
        memory: ConnectionTable, door: ConnectionDoor, work: @escaping Worker
    ) {
        self.number = number
        self.clientAddress = clientAddress
        self.localAddress = localAddress
        self.authentication = Mutex(authentication)
        self.maxUnanswered = maxUnanswered
        self.pool = pool
        self.memory = memory
        self.door = door
        self.work = work
    }

    // MARK: On the event loop

    /// Takes the frames of one read: all of them, so that nobody else has them when they are done.
    func receive(_ frames: inout [ByteBuffer]) {
        let bytes = frames.reduce(0) { $0 + $1.readableBytes }
        memory.add(queued: bytes)
        let isFirst = state.withLock { state in
            state.queue.append(contentsOf: frames)
            frames.removeAll(keepingCapacity: true)
            return state.takeTurn()
        }
        if isFirst { pool.submit { _ in self.runTurn() } }
    }

    /// Whether so much is unanswered that nothing more is to be read.
    var isFull: Bool { state.withLock { $0.unanswered >= maxUnanswered } }

    /// Whether every request was answered, and every answer has reached the socket.
    var isQuiet: Bool { state.withLock { $0.unanswered == 0 && $0.ready.isEmpty && $0.unsent == UnsentBytes() } }

    /// Whether nothing is asked.
    var isIdle: Bool { state.withLock { $0.unanswered == 0 } }

    /// Memory of answers that wait for the client.
    var unsentBytes: Int { state.withLock { $0.unsent.inMemory } }

    /// The answers that may leave, in order; they count as unsent until `noteSent`.
    func takeAnswers() -> [Answer] {
        state.withLock { state in
            defer { (state.ready, state.isPumpDue) = ([], false) }
            return state.ready
        }
    }

    /// So much of answers has reached the socket.
    func noteSent(_ bytes: UnsentBytes) {
        let isNext = state.withLock { state in
            if !state.isClosed { state.unsent -= bytes }
            return state.takeTurn()
        }
        if isNext { pool.submit { _ in self.runTurn() } }
    }

    /// The connection is no more: nobody gets answers, and what waits ends. Requests that have come whole are done all
    /// the same: some clients send records, ask for no answer, and go.
    func closed() {
        let (cancel, isNext) = state.withLock { state in
            state.isClosed = true
            (state.ready, state.unsent) = ([], UnsentBytes())
            return (state.cancel, state.takeTurn())
        }
        cancel?()
        if isNext { pool.submit { _ in self.runTurn() } }
    }

    /// Ends the wait of a request that waits, if there is one: it is answered with what there is.
    func cancelWait() { state.withLock { $0.cancel }?() }

    // MARK: On a worker

    private func runTurn() {
        for _ in 0..<Self.requestsPerTurn {
            guard case (var frame, let slot)? = next() else { return }
            let kind = work(frame, self) { [self] answer in complete(slot, answer) }
            memory.remove(queued: &frame)
            if kind == .waiting, endTurn(waitingFor: slot) { return }
        }
        let hasMore = state.withLock { state in
            state.hasTurn = false
            return state.takeTurn()
        }
        pumpIfDue()
        if hasMore { pool.submit { _ in self.runTurn() } }
    }

    /// The next request; nil if the turn is over.
    private func next() -> (ByteBuffer, slot: Int)? {
        let found: (ByteBuffer, Int)? = state.withLock { state in
            guard !state.unsent.isTooMuch, let frame = state.queue.popFirst() else {
                state.hasTurn = false
                return nil
            }
            return (frame, state.slots.begin())
        }
        if found == nil { pumpIfDue() }
        return found
    }

    /// - Returns: false if it was answered meanwhile, so that the turn goes on.
    private func endTurn(waitingFor slot: Int) -> Bool {
        let isOver = state.withLock { state in
            guard state.slots.isOpen(slot) else { return false }
            state.waiting = slot
            state.hasTurn = false
            return true
        }
        if isOver { pumpIfDue() }
        return isOver
    }

    /// What ends the wait of the request that is being begun, should its client go.
    func setCancel(_ cancel: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            state.cancel = cancel
            return state.isClosed
        }
        if isClosed { cancel() }
    }

    private func complete(_ slot: Int, _ answer: Answer) {
        let (isNext, isPumpDue) = state.withLock { state in
            if !state.isClosed { state.unsent += answer.size }
            let before = state.ready.count
            state.slots.complete(slot, answer) { if !state.isClosed { state.ready.append($0) } }
            if state.waiting == slot { (state.waiting, state.cancel) = (nil, nil) }
            // During a turn its end sends the answers.
            let isDue = state.ready.count > before && !state.hasTurn && !state.isPumpDue
            if isDue { state.isPumpDue = true }
            return (state.takeTurn(), isDue)
        }
        if isPumpDue { door.pump() }
        if isNext { pool.submit { _ in self.runTurn() } }
    }

    private func pumpIfDue() {
        let isDue = state.withLock { state in
            guard !state.isPumpDue, !state.isClosed else { return false }
            // Even without answers: reading may go on.
            state.isPumpDue = true
            return true
        }
        if isDue { door.pump() }
    }
}

extension Connection.State {
    /// Requests that have come and whose answers have not left.
    fileprivate var unanswered: Int { queue.count + slots.count }

    /// Whether a turn begins now: there is something to do, nobody does it, and no request before it waits.
    fileprivate mutating func takeTurn() -> Bool {
        guard !hasTurn, waiting == nil, !queue.isEmpty, !unsent.isTooMuch else { return false }
        hasTurn = true
        return true
    }
}
