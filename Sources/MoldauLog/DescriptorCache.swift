// A process may have only so many files open, and a broker has as many files as its partitions have segments.
//
// A file keeps its path and its identity (device and inode number). Its descriptor may be closed when others need one,
// and is reopened at the next use. Two kinds stay open: descriptors in use, and those with writes that are not synced
// yet, because a failed write-back is reported only to descriptors that were open at the time. If nothing else can be
// closed, such a file is synced and then closed.

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

internal import Synchronization

/// Limits how many descriptors a file system's files hold open.
final class DescriptorCache: Sendable {
    private struct State: Sendable {
        var open: [Descriptor] = []
        /// The clock hand: the next descriptor to check for recent use.
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

    /// Runs a call that opens a descriptor. If the process has none left, closes other files and retries.
    /// - Returns: the result of the last call.
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

    /// Opens a file that has no descriptor, by `open`.
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

    /// Called when the file is no longer in use.
    func remove(_ descriptor: Descriptor) {
        state.withLock { state in
            if let index = state.open.lastIndex(where: { $0 === descriptor }) { state.removeOpen(at: index) }
        }
        descriptor.close()
    }

    /// Closes a file that was not used recently; if there is none, syncs and closes one with unsynced writes.
    /// - Returns: false if all are in use.
    private func closeOne(_ state: inout State) throws(LogError) -> Bool {
        // By the second round, the first has cleared every "used recently" mark.
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

/// A file's descriptor, open or not.
final class Descriptor: Sendable {
    private struct State: Sendable {
        /// Negative if not open.
        var number: Int32 = -1
        var openedAt = 0
        /// How many calls and readers use it now.
        var userCount = 0
        var wasUsed = false
        /// The number of writes to the file, and how many of them are known to be durable.
        var writeCount = 0
        var syncedCount = 0
    }

    let path: String
    private let state = Mutex(State())

    init(_ path: String) { self.path = path }

    /// - Parameter writes: whether the caller is going to change the file.
    /// - Returns: the descriptor, which stays open until `release`; nil if it is not open.
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

    /// - Returns: false if another call has opened the file in the meantime; `number` is then closed.
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

    /// Closes the descriptor unless it is in use or was used recently, or a write is waiting for a sync.
    /// - Parameter syncs: syncs the file if unsynced writes are all that prevents closing it.
    /// - Throws: if the sync fails.
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

/// A descriptor that the cache never closes: for a lock, or for syncing a directory.
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

/// Makes everything written to the descriptor durable; returns the system call's result.
func syncNumber(_ number: Int32) -> Int32 {
    #if canImport(Darwin)
        uninterrupted { fcntl(number, F_FULLFSYNC) }
    #else
        uninterrupted { fdatasync(number) }
    #endif
}
