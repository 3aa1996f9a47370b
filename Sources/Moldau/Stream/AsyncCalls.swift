// The records of one task that await asynchronous results, in order of arrival.
//
//                 ┌────────────── tried again ──────────────┐
//     record ──▸ waiting ──▸ running ──▸ threw, or timed out ┤
//                               │                            └─ at the last attempt ─┐
//                               └──▸ value ──▸ done ◂────────────────────────────────┘
//                                               └──▸ downstream, or to the handler, after all earlier ones
//
// Everything but the closures runs on the task's thread. When a closure ends, it puts a message into a mailbox, which
// wakes the thread. Messages of abandoned attempts are ignored.

import MoldauRecords
import MoldauRuntime
import MoldauTopology

/// The calls of one asynchronous operator in one task.
final class AsyncCalls<Key: Sendable, Value: Sendable, NewValue: Sendable>: DeferredWork {
    typealias Transform = @Sendable (Key, Value) async throws -> NewValue

    private enum State {
        case waiting(until: Duration)
        case running(Task<Void, Never>, deadline: Duration)
        case done(Result<NewValue, any Error>)
    }

    private struct Call {
        let record: Record<Key, Value>
        let situation: RecordSituation
        let arrival: Duration
        var attempt = 0
        var state: State
    }

    private struct Message: Sendable {
        let number: Int
        let attempt: Int
        let result: Result<NewValue, any Error>
    }

    private let context: NodeContext
    private let maxInFlight: Int
    private let retry: AsyncRetry
    private let timeout: Duration
    private let forward: Inlet<Key, NewValue>.Receive
    private let transform: Transform
    private let mailbox: Mailbox<Message>

    /// By number: those from `first` up to `end` (exclusive).
    private var calls: [Int: Call] = [:]
    private var first = 0
    private var end = 0
    private var runningCount = 0
    private(set) var settledStreamTime = Timestamp.none

    init(
        _ context: NodeContext, maxInFlight: Int, retry: AsyncRetry, timeout: Duration,
        forward: @escaping Inlet<Key, NewValue>.Receive, _ transform: @escaping Transform
    ) {
        self.context = context
        self.maxInFlight = maxInFlight
        self.retry = retry
        self.timeout = timeout
        self.forward = forward
        self.transform = transform
        mailbox = Mailbox(wake: context.task.wake)
    }

    var count: Int { calls.count }
    var isFull: Bool { calls.count >= maxInFlight }
    var isRunning: Bool { runningCount > 0 }

    var held: HeldRecords? {
        calls[first].map { HeldRecords(.results, count: Int64(count), since: $0.arrival) }
    }

    /// Accepts a record even if the operator is full: all outputs of one input record must be accepted.
    func receive(_ record: Record<Key, Value>) {
        let now = context.task.time.uptime
        calls[end] = Call(record: record, situation: context.task.situation, arrival: now, state: .waiting(until: now))
        end += 1
        start(end - 1, now: now)
    }

    func resume() throws -> Int {
        let now = context.task.time.uptime
        // Sorted, so that the order is deterministic: random pauses are drawn in it.
        for message in mailbox.take().sorted(by: { $0.number < $1.number }) {
            guard let call = calls[message.number], call.attempt == message.attempt, case .running = call.state else {
                continue
            }
            ended(message.number, message.result, now: now)
        }
        for number in first..<end {
            guard let call = calls[number], case .running(let task, let deadline) = call.state, now >= deadline else {
                continue
            }
            task.cancel()
            ended(number, .failure(AsyncTimeout(timeout: timeout)), now: now)
        }
        for number in first..<end {
            guard let call = calls[number], case .waiting = call.state else { continue }
            // So that spans created by the closure belong to the record's span.
            try context.task.following(call.situation.span) { start(number, now: now) }
        }
        return try release()
    }

    /// Starts a call's next attempt if it is due and there is capacity.
    private func start(_ number: Int, now: Duration) {
        guard runningCount < maxInFlight, var call = calls[number], case .waiting(let due) = call.state, now >= due
        else { return }
        call.attempt += 1
        let (key, value, attempt) = (call.record.key, call.record.value, call.attempt)
        let (mailbox, transform) = (mailbox, transform)
        let task = Task(executorPreference: context.task.asyncExecutor) {
            let result: Result<NewValue, any Error>
            do { result = .success(try await transform(key, value)) } catch { result = .failure(error) }
            // The mailbox is unlimited, and never closed.
            try? mailbox.post(Message(number: number, attempt: attempt, result: result))
        }
        call.state = .running(task, deadline: now + timeout)
        calls[number] = call
        runningCount += 1
    }

    private func ended(_ number: Int, _ result: Result<NewValue, any Error>, now: Duration) {
        runningCount -= 1
        guard let attempt = calls[number]?.attempt else { return }
        if case .failure(let error) = result, attempt < retry.attempts, retry.isRetriable(error) {
            let pause = retry.pause(after: attempt, using: &context.task.generator)
            calls[number]?.state = .waiting(until: now + pause)
        } else {
            calls[number]?.state = .done(result)
        }
    }

    /// Forwards the results that do not have to wait for an earlier call.
    private func release() throws -> Int {
        let before = first
        while let call = calls[first], case .done(let result) = call.state {
            calls[first] = nil
            first += 1
            settledStreamTime = call.situation.streamTime
            try context.task.inSituation(call.situation) {
                switch result {
                case .success(let value): try forward(call.record.with(value: value))
                case .failure(let error): try context.failed(error)
                }
            }
        }
        return first - before
    }

    func cancel() {
        for call in calls.values { if case .running(let task, _) = call.state { task.cancel() } }
        calls = [:]
        first = end
        runningCount = 0
    }
}
