// The path of a request:
//
//     event loop    frames of one read ──▶ queue
//     worker        queue ──▶ start, one after the other ──▶ answers, at any time, from any thread
//     event loop    answers in the order of the requests ──▶ socket, flushed together
//
// A connection has one turn at a time: a worker handles its requests in order. A request that waits (a fetch for
// records, a member for its group) ends the turn until it is answered, as in Kafka; others are pipelined.

internal import MoldauRecords
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The state that a connection's threads share.
final class Connection: Sendable {
    fileprivate struct State {
        var queue = CircularBuffer<ByteBuffer>()
        /// Whether a worker has the turn, or will get it.
        var hasTurn = false
        /// The waiting request that ended the last turn.
        var waiting: Int?
        var slots = AnswerSlots<Answer>()
        /// Released answers.
        var ready: [Answer] = []
        /// The size of answers that have not reached the socket.
        var unsent = UnsentBytes()
        var isPumpDue = false
        var isClosed = false
        /// Ends the wait of the waiting request.
        var cancel: (@Sendable () -> Void)?
    }

    /// Handles one request, and calls back with its answer: once, from any thread.
    typealias Worker =
        @Sendable (_ frame: ByteBuffer, _ of: Connection, _ then: @escaping @Sendable (Answer) -> Void)
        -> RequestKind

    /// How a request runs relative to those that follow it.
    enum RequestKind { case pipelined, waiting }

    let number: Int
    /// The client's address without its port.
    let clientAddress: String
    /// The address that the client connected to, with its advertised name and port, if it has any.
    let localAddress: ListenAddress
    /// The client's identity, or the state of its log-in.
    let authentication: Mutex<Authentication>
    private let work: Worker
    private let pool: NIOThreadPool
    private let memory: ConnectionTable
    private let maxUnanswered: Int
    let door: ConnectionDoor
    private let state = Mutex(State())

    /// The maximum number of requests in a turn before its answers are sent.
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

    /// Takes ownership of the frames of one read: all of them, so that each is uniquely referenced when it is done.
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

    /// Whether so many requests are unanswered that reading must pause.
    var isFull: Bool { state.withLock { $0.unanswered >= maxUnanswered } }

    /// Whether every request was answered, and every answer has reached the socket.
    var isQuiet: Bool { state.withLock { $0.unanswered == 0 && $0.ready.isEmpty && $0.unsent == UnsentBytes() } }

    /// Whether there is no unanswered request.
    var isIdle: Bool { state.withLock { $0.unanswered == 0 } }

    /// The memory of answers that the client has not read.
    var unsentBytes: Int { state.withLock { $0.unsent.inMemory } }

    /// Takes the released answers, in order; they count as unsent until `noteSent`.
    func takeAnswers() -> [Answer] {
        state.withLock { state in
            defer { (state.ready, state.isPumpDue) = ([], false) }
            return state.ready
        }
    }

    /// Called when these bytes of answers have reached the socket.
    func noteSent(_ bytes: UnsentBytes) {
        let isNext = state.withLock { state in
            if !state.isClosed { state.unsent -= bytes }
            return state.takeTurn()
        }
        if isNext { pool.submit { _ in self.runTurn() } }
    }

    /// Called when the connection is closed: answers are discarded, and waits are cancelled. Requests that were
    /// received completely are still handled: some clients send records, request no answer, and disconnect.
    func closed() {
        let (cancel, isNext) = state.withLock { state in
            state.isClosed = true
            (state.ready, state.unsent) = ([], UnsentBytes())
            return (state.cancel, state.takeTurn())
        }
        cancel?()
        if isNext { pool.submit { _ in self.runTurn() } }
    }

    /// Cancels the wait of the waiting request, if there is one: it is answered with what is available.
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

    /// - Returns: false if it was answered meanwhile, so that the turn continues.
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

    /// Sets what cancels the wait of the current request if its client disconnects.
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
            // During a turn, the end of the turn sends the answers.
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
            // Even without answers: reading may resume.
            state.isPumpDue = true
            return true
        }
        if isDue { door.pump() }
    }
}

extension Connection.State {
    /// Requests that were received and whose answers have not been released.
    fileprivate var unanswered: Int { queue.count + slots.count }

    /// Whether a turn starts now: there is a request, no worker has the turn, and no earlier request waits.
    fileprivate mutating func takeTurn() -> Bool {
        guard !hasTurn, waiting == nil, !queue.isEmpty, !unsent.isTooMuch else { return false }
        hasTurn = true
        return true
    }
}
