#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// State behind a lock, with a condition variable. For dedicated threads: waiting blocks the thread.
package final class Monitor<State>: @unchecked Sendable {  // Unchecked: the state is accessed only under the lock.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    package init(_ state: State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        precondition(pthread_mutex_init(mutex, nil) == 0, "cannot create a mutex")
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        #if !canImport(Darwin)
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        #endif
        precondition(pthread_cond_init(condition, &attributes) == 0, "cannot create a condition variable")
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` while holding the lock; with `wakes`, all waiting threads check the state again afterwards.
    @discardableResult
    package func withLock<Result>(wakes: Bool = false, _ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let result = body(&state)
        if wakes { pthread_cond_broadcast(condition) }
        return result
    }

    /// Waits until `body` returns a value, and returns that; nil after `timeout` (nil waits for ever). `body` runs with
    /// the lock held.
    package func wait<Result>(timeout: Duration? = nil, _ body: (inout State) -> Result?) -> Result? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let limit = timeout.map { ContinuousClock.now + $0 }  // tidy: only threads wait, not the simulator
        while true {
            if let result = body(&state) { return result }
            guard let limit else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            let left = limit - ContinuousClock.now  // tidy: only threads wait, not the simulator
            if left <= .zero { return nil }
            waitOnce(left)
        }
    }

    private func waitOnce(_ left: Duration) {
        // A wait of more than an hour is split: the caller loops.
        let (seconds, attoseconds) = min(left, .seconds(3_600)).components
        let nanoseconds = attoseconds / 1_000_000_000
        #if canImport(Darwin)
            var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
            _ = pthread_cond_timedwait_relative_np(condition, mutex, &time)
        #else
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)  // tidy: only threads wait, not the simulator
            let sum = time.tv_nsec + Int(nanoseconds)
            time.tv_sec += Int(seconds) + sum / 1_000_000_000
            time.tv_nsec = sum % 1_000_000_000
            _ = pthread_cond_timedwait(condition, mutex, &time)
        #endif
    }
}
