import Foundation
import Synchronization

/// Listens for signals that ask the program to stop (Control-C and the termination signal by default). A second signal
/// of the same kind ends the program at once. Any number of instances may listen at the same time; all are notified.
package final class Interruption: Sendable {
    private let place: Int
    private let seen: Seen

    private final class Seen: Sendable {
        let hasCome = Atomic(false)
    }

    /// Listens until it is released.
    /// - Parameters:
    ///   - signals: the numbers of the signals that it listens to.
    ///   - onSignal: called on the first signal of each kind, on a dedicated thread.
    package init(of signals: [Int32] = [SIGINT, SIGTERM], _ onSignal: @escaping @Sendable () -> Void = {}) {
        let seen = Seen()
        self.seen = seen
        place = Listeners.add(Set(signals)) {
            seen.hasCome.store(true, ordering: .relaxed)
            onSignal()
        }
    }

    deinit { Listeners.remove(place) }

    /// Whether a signal has arrived.
    package var hasCome: Bool { seen.hasCome.load(ordering: .relaxed) }
}

/// The listeners of the process. It has one handler per signal, which writes the signal's number to a pipe; a thread
/// reads it there and calls the listeners.
private struct Listeners {
    private struct Listener {
        let signals: Set<Int32>
        let tell: @Sendable () -> Void
    }

    private static let shared = Mutex(Listeners())

    private var listeners: [Int: Listener] = [:]
    private var added = 0
    /// The action of each signal before it had listeners.
    private var previous: [Int32: sigaction] = [:]

    static func add(_ signals: Set<Int32>, _ tell: @escaping @Sendable () -> Void) -> Int {
        shared.withLock { shared in
            for number in signals { shared.install(number) }
            shared.added += 1
            shared.listeners[shared.added] = Listener(signals: signals, tell: tell)
            return shared.added
        }
    }

    static func remove(_ place: Int) {
        shared.withLock { shared in
            shared.listeners[place] = nil
            let wanted = shared.listeners.values.reduce(into: Set<Int32>()) { $0.formUnion($1.signals) }
            for (number, action) in shared.previous where !wanted.contains(number) {
                var action = action
                sigaction(number, &action, nil)
                shared.previous[number] = nil
            }
        }
    }

    private mutating func install(_ number: Int32) {
        guard previous[number] == nil else { return }
        if signalPipe < 0 { Self.openPipe() }
        var (action, old) = (sigaction(), sigaction())
        let note: @convention(c) (Int32) -> Void = { number in
            let code = errno
            var byte = UInt8(truncatingIfNeeded: number)
            _ = write(signalPipe, &byte, 1)
            errno = code
        }
        #if canImport(Darwin)
            action.__sigaction_u.__sa_handler = note
        #else
            action.__sigaction_handler.sa_handler = note
        #endif
        // The next signal of the same kind has its default action.
        action.sa_flags = SA_RESTART | Int32(bitPattern: UInt32(SA_RESETHAND))
        sigaction(number, &action, &old)
        previous[number] = old
        var command = UInt8(truncatingIfNeeded: number) | unblockFlag
        _ = write(signalPipe, &command, 1)
    }

    private static func openPipe() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        signalPipe = ends[1]
        let readEnd = ends[0]
        Thread.detachNewThread {
            var byte: UInt8 = 0
            while true {
                let count = read(readEnd, &byte, 1)
                if count == 1 { handle(byte) } else if count == 0 || errno != EINTR { return }
            }
        }
    }

    private static func handle(_ byte: UInt8) {
        let number = Int32(byte & ~unblockFlag)
        if byte & unblockFlag == 0 { tell(number) } else { unblock(number) }
    }

    /// Unblocks the signal on this thread. Otherwise no thread may receive it: a program that was started by a thread
    /// that blocks signals blocks them in all of its own threads.
    private static func unblock(_ number: Int32) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, number)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    private static func tell(_ number: Int32) {
        let told = shared.withLock { $0.listeners.values.filter { $0.signals.contains(number) } }
        for listener in told { listener.tell() }
    }
}

/// In the pipe, marks the number of a signal to unblock, which has a new listener; signals have smaller numbers.
private let unblockFlag: UInt8 = 0x80

/// The pipe's end that signal handlers write to; -1 until it is opened. Set once, before the first handler is
/// installed.
nonisolated(unsafe) private var signalPipe: Int32 = -1
