internal import MoldauClusterEmbedded
internal import MoldauRecords
internal import NIOCore

/// All connections of a server: how many there are, and how much memory they take together.
///
/// Requests that wait for workers take memory until they are done. Clients hold memory too: with requests that are not
/// received completely, and with answers that are not read. While the total is over the limit, reading is paused. The
/// memory that clients hold may take seven eighths of the limit, so that the rest drains; beyond that, the connection
/// that holds most is closed. What is left of half the limit may be kept as buffers for the next requests; those
/// buffers are released first.
final class ConnectionTable: Sendable {
    fileprivate struct State {
        var connections: [Int: Connection] = [:]
        var count = 0
        var countByAddress: [String: Int] = [:]
        var lastNumber = 0
        var queuedBytes = 0
        var heldBytes = 0
        /// The memory that clients hold, by their connections' numbers.
        var held: [Int: Int] = [:]
        /// The same of connections that are being closed for it, until they are closed.
        var leaving: [Int: Int] = [:]
        /// The connections whose reading is paused until there is room.
        var paused: [Connection] = []
        var isStopping = false
    }

    let frameBuffers = FrameBuffers()
    let traffic: BrokerTraffic
    private let limits: ServerOptions
    private let state = Monitor(State())

    init(_ limits: ServerOptions, _ traffic: BrokerTraffic = BrokerTraffic()) {
        (self.limits, self.traffic) = (limits, traffic)
    }

    // MARK: Connections

    /// Counts a new connection.
    /// - Returns: its number; nil if a limit is reached, for this address or in total.
    func admit(_ address: String) -> Int? {
        state.withLock { state in
            let ofAddress = state.countByAddress[address, default: 0]
            guard !state.isStopping, state.count < limits.maxConnections, ofAddress < limits.maxConnectionsPerAddress
            else { return nil }
            state.count += 1
            state.countByAddress[address] = ofAddress + 1
            state.lastNumber += 1
            return state.lastNumber
        }
    }

    func add(_ connection: Connection) { state.withLock { $0.connections[connection.number] = connection } }

    /// Called when the connection is closed.
    func remove(_ connection: Connection) {
        let (number, address) = (connection.number, connection.clientAddress)
        let resumed = state.withLock(wakes: true) { state in
            state.connections[number] = nil
            state.heldBytes -= state.held.removeValue(forKey: number) ?? 0
            state.leaving[number] = nil
            state.count -= 1
            let left = (state.countByAddress[address] ?? 0) - 1
            state.countByAddress[address] = left > 0 ? left : nil
            return state.takePaused(ifBelow: limits.maxMemoryBytes)
        }
        for connection in resumed { connection.door.resume() }
        if state.withLock({ $0.count }) == 0 { frameBuffers.shrink(to: 0) }
    }

    /// Accepts no new connections. The others finish the requests that have started, and close.
    func stop() {
        state.withLock { $0.isStopping = true }
        for connection in all { connection.door.stop() }
    }

    /// Waits until all connections are closed, but not longer than `time`. Blocks.
    func waitUntilEmpty(atMost time: Duration) {
        let end = ContinuousClock.now + time
        while ContinuousClock.now < end {
            if state.wait(timeout: end - ContinuousClock.now, { $0.connections.isEmpty ? true : nil }) == true {
                return
            }
        }
    }

    /// All connections, the oldest first.
    var all: [Connection] {
        state.withLock { $0.connections.values.sorted(on: \.number) }
    }

    // MARK: Memory

    /// Called when requests were received that wait for workers.
    func add(queued bytes: Int) { state.withLock { $0.queuedBytes += bytes } }

    /// Called when a request is done. Its memory is reused for another one, unless it is still referenced elsewhere.
    func remove(queued frame: inout ByteBuffer) {
        let bytes = frame.readableBytes
        let (resumed, room) = state.withLock { state in
            state.queuedBytes -= bytes
            return (state.takePaused(ifBelow: limits.maxMemoryBytes), spareBytes(state))
        }
        frameBuffers.giveBack(&frame, maxBytes: room)
        for connection in resumed { connection.door.resume() }
    }

    /// Called when the memory that this client holds has changed.
    func note(held bytes: Int, by number: Int) {
        let (resumed, evicted) = state.withLock { state in
            let before = state.held[number] ?? 0
            guard before != bytes, state.connections[number] != nil, state.leaving[number] == nil else {
                return ([] as [Connection], nil as Connection?)
            }
            state.held[number] = bytes > 0 ? bytes : nil
            state.heldBytes += bytes - before
            return (
                state.takePaused(ifBelow: limits.maxMemoryBytes), state.evicted(over: limits.maxMemoryBytes / 8 * 7)
            )
        }
        for connection in resumed { connection.door.resume() }
        evicted?.door.close(
            "the server's memory for clients is used up, and this one took most of it; the limit is 'maxMemoryBytes'")
    }

    /// Whether there is room to read more. If not, the connection is resumed when there is.
    func hasRoom(for connection: Connection) -> Bool {
        let (hasRoom, spare) = state.withLock { state in
            let hasRoom = state.takenBytes <= limits.maxMemoryBytes
            if !hasRoom { state.paused.append(connection) }
            return (hasRoom, spareBytes(state))
        }
        frameBuffers.shrink(to: spare)
        return hasRoom
    }

    /// How much memory unused buffers may keep.
    private func spareBytes(_ state: State) -> Int { max(0, limits.maxMemoryBytes / 2 - state.takenBytes) }
}

extension ConnectionTable.State {
    fileprivate var takenBytes: Int { queuedBytes + heldBytes + leaving.values.reduce(0, +) }

    fileprivate mutating func takePaused(ifBelow limit: Int) -> [Connection] {
        guard !paused.isEmpty, takenBytes <= limit else { return [] }
        defer { paused = [] }
        return paused
    }

    /// Removes and returns the connection to close; nil if there is none.
    fileprivate mutating func evicted(over limit: Int) -> Connection? {
        guard heldBytes > limit, let most = held.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else {
            return nil
        }
        // No other connection is closed for this memory, but it is free only after this one has closed.
        heldBytes -= most.value
        held[most.key] = nil
        leaving[most.key] = most.value
        return connections[most.key]
    }
}
