// A process may have so many files open, and a broker has as many as its partitions have segments.
//
// A file keeps its path and what it is (device and number); its descriptor may be taken from it when others need one, and is
// opened again at the next use. Not taken: what is in use, and what was written and not synced, as the error of a failed
// write-back is told only to those who had the file open then. Where nothing else is left, such a file is synced first.

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

internal import Synchronization

/// Bounds the descriptors of a file system's files.
final class DescriptorCache: Sendable {
    private struct State: Sendable {
        var open: [Descriptor] = []
        /// Who is asked next whether it was used lately.
        var hand = 0
        var openedCount = 0

        mutating func removeOpen(at index: Int) {
            open.swapAt(index, open.count - 1)
            open.removeLast()
        }
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) { self.capacity = max(capacity, 4) }

    /// Makes a call that needs a new descriptor; where the process has none left, others are closed first.
    /// - Returns: what the last call gave.
    func opening(_ call: () -> Int32) throws(LogError) -> Int32 {
        while true {
            let result = uninterrupted(call)
            guard result < 0, errno == EMFILE || errno == ENFILE else { return result }
            let code = errno
            let didClose = try state.withLock { state throws(LogError) in try closeOne(&state) }
            guard didClose else {
                errno = code
                return result
            }
        }
    }

    /// Gives a descriptor to a file that has none, with `open`.
    func fill(_ descriptor: Descriptor, _ open: () throws(LogError) -> Int32) throws(LogError) {
        try state.withLock { state throws(LogError) in
            while state.open.count >= capacity, try closeOne(&state) {}
        }
        let number = try open()
        state.withLock { state in
            state.openedCount += 1
            if descriptor.take(number, openedAt: state.openedCount) { state.open.append(descriptor) }
        }
    }

    /// The file is let go of.
    func remove(_ descriptor: Descriptor) {
        state.withLock { state in
            if let index = state.open.lastIndex(where: { $0 === descriptor }) { state.removeOpen(at: index) }
        }
        descriptor.close()
    }

    /// Closes a file that was not used lately; where there is none, one that was written and not synced, which it syncs.
    /// - Returns: false where all are in use.
    private func closeOne(_ state: inout State) throws(LogError) -> Bool {
        // In the second round nobody was used lately.
        for round in 0..<3 {
            for _ in state.open.indices {
                if state.hand >= state.open.count { state.hand = 0 }
                if try state.open[state.hand].closeIfIdle(syncs: round == 2) {
                    state.removeOpen(at: state.hand)
                    return true
                }
                state.hand += 1
            }
        }
        return false
    }
}

/// A file's descriptor, which it has or has not.
final class Descriptor: Sendable {
    private struct State: Sendable {
        /// Below 0: none.
        var number: Int32 = -1
        var openedAt = 0
        /// Calls that use it now, and readers that hold it.
        var userCount = 0
        var wasUsed = false
        /// Changes of the file, and how many of them are known to be durable.
        var writeCount = 0
        var syncedCount = 0
    }

    let path: String
    private let state = Mutex(State())

    init(_ path: String) { self.path = path }

    /// - Parameter writes: whether the file is to be changed.
    /// - Returns: the descriptor, which stays until `release`; nil where there is none.
    func use(writes: Bool) -> Int32? {
        state.withLock { state in
            guard state.number >= 0 else { return nil }
            state.userCount += 1
            state.wasUsed = true
            if writes { state.writeCount += 1 }
            return state.number
        }
    }

    func release() { state.withLock { $0.userCount -= 1 } }

    /// - Returns: false where another call has opened the file in the meantime; the number is closed then.
    func take(_ number: Int32, openedAt: Int) -> Bool {
        let isTaken = state.withLock { state in
            guard state.number < 0 else { return false }
            (state.number, state.openedAt) = (number, openedAt)
            return true
        }
        if !isTaken { closeNumber(number) }
        return isTaken
    }

    var writeCount: Int { state.withLock { $0.writeCount } }
    var openedAt: Int { state.withLock { $0.number < 0 ? .max : $0.openedAt } }
    func noteSynced(_ count: Int) { state.withLock { $0.syncedCount = max($0.syncedCount, count) } }

    func close() { state.withLock { _ = closeNow(&$0) } }

    /// Closes it where nobody uses it, or has lately, and nothing is to be synced.
    /// - Parameter syncs: syncs it where that is all that is in the way.
    /// - Throws: a failed sync.
    func closeIfIdle(syncs: Bool) throws(LogError) -> Bool {
        try state.withLock { state throws(LogError) in
            if state.wasUsed {
                state.wasUsed = false
                return false
            }
            guard state.userCount == 0 else { return false }
            if state.writeCount > state.syncedCount {
                guard syncs else { return false }
                guard syncNumber(state.number) == 0 else { throw .failed("sync", path) }
                state.syncedCount = state.writeCount
            }
            return closeNow(&state)
        }
    }

    private func closeNow(_ state: inout sending State) -> Bool {
        guard state.number >= 0 else { return false }
        closeNumber(state.number)
        state.number = -1
        return true
    }
}

/// A descriptor that nobody takes away: of a lock, or of a directory that is synced.
final class HeldDescriptor: Sendable {
    let number: Int32

    init(_ path: String, _ flags: Int32, _ cache: DescriptorCache) throws(LogError) {
        number = try cache.opening { openFile(path, flags) }
        guard number >= 0 else { throw .failed("opening", path) }
    }

    deinit { if number >= 0 { closeNumber(number) } }
}

func openFile(_ path: String, _ flags: Int32) -> Int32 { open(path, flags, 0o600) }

private func closeNumber(_ number: Int32) { _ = close(number) }

/// Makes everything written durable.
func syncNumber(_ number: Int32) -> Int32 {
    #if canImport(Darwin)
        uninterrupted { fcntl(number, F_FULLFSYNC) }
    #else
        uninterrupted { fdatasync(number) }
    #endif
}
