import Foundation
import Logging
import MoldauCluster
import MoldauRecords

/// Reads the changelogs that are followed: each once, for any number of followers. Its thread runs while there are any.
final class ChangeFeed: Sendable {
    fileprivate struct Follower {
        weak var subscription: ChangeSubscription?
        /// The next offset to deliver, by partition.
        var next: [TopicPartition: Offset]
    }

    fileprivate struct State {
        var followers: [ObjectIdentifier: Follower] = [:]
        /// Whether the followers need other partitions or offsets than the thread is reading.
        var isChanged = false
        var isRunning = false
        var isStopped = false
        var wakeup: Wakeup?
    }

    /// How long the thread waits for records before it checks for new followers, and before it retries a failed read.
    private static var patience: Duration { .milliseconds(100) }

    private let clientID: String
    private let logger: Logger
    private let monitor = Monitor(State())

    init(clientID: String, logger: Logger) { (self.clientID, self.logger) = (clientID, logger) }

    /// Follows partitions, from their readable ends on. Blocks.
    /// - Parameter limit: the most changes that are buffered for the reader.
    /// - Throws: `ClusterError`.
    func follow(
        _ partitions: Set<TopicPartition>, from start: ChangeStart, limit: Int, on cluster: any ClusterPort
    ) throws -> ChangeSubscription {
        let consumer = try cluster.makeConsumer(clientID: clientID)
        defer { consumer.close() }
        let held = try consumer.bounds(of: partitions)
        let backlog = try start == .snapshot ? ChangeBacklog(held, on: cluster, clientID: clientID) : nil
        let subscription = ChangeSubscription(backlog, limit: limit) { [weak self] in self?.leave($0) }
        let (isStopped, begins, wakeup) = monitor.withLock { state in
            if state.isStopped { return (true, false, nil as Wakeup?) }
            state.followers[ObjectIdentifier(subscription)] = Follower(
                subscription: subscription, next: held.mapValues(\.upperBound))
            defer { (state.isRunning, state.isChanged) = (true, true) }
            return (false, !state.isRunning, state.wakeup)
        }
        if isStopped { throw ClusterError.closed }
        wakeup?.signal()
        if begins { Thread.detachNewThread { self.run(on: cluster) } }
        return subscription
    }

    private func leave(_ follower: ObjectIdentifier) {
        monitor.withLock { state in
            state.followers[follower] = nil
            state.isChanged = true
        }
    }

    /// Ends all subscriptions after delivering what is readable now, and returns when the thread has closed its
    /// consumer. Blocks.
    func stop() {
        let wakeup = monitor.withLock(wakes: true) { state in
            state.isStopped = true
            return state.wakeup
        }
        wakeup?.signal()
        _ = monitor.wait { $0.isRunning ? nil : true }
    }

    // MARK: On its thread

    private func run(on cluster: any ClusterPort) {
        repeat {
            do { try read(cluster) } catch {
                logger.error("the changes of tables can no longer be followed: \(error)")
                end(.failure(error))
            }
        } while !isOver()
    }

    /// Reads until there are no followers, or until it is stopped.
    private func read(_ cluster: any ClusterPort) throws {
        let consumer = try cluster.makeConsumer(clientID: clientID)
        defer {
            monitor.withLock { $0.wakeup = nil }
            consumer.close()
        }
        monitor.withLock { ($0.wakeup, $0.isChanged) = (consumer.wakeup, true) }
        while true {
            let (isDone, isStopped, places) = monitor.withLock { $0.takeTurn() }
            if let places {
                try consumer.assign(Set(places.keys))
                for (partition, offset) in places { try consumer.seek(partition, to: offset) }
            }
            if isDone { return }
            do {
                let fetched = try consumer.poll(wait: isStopped ? .zero : Self.patience)
                for batches in fetched { try put(batches.changes(), of: batches.partition, consumer) }
                if isStopped, fetched.isEmpty { return end(.success(())) }
            } catch ClusterError.offsetOutOfRange(let partition, _, _) {
                try skipLost(partition, consumer)
            } catch let error as ClusterError where error.remedy == .retry && !isStopped {
                logger.warning("the changes of tables could not be read; this is tried again soon: \(error)")
                _ = monitor.wait(timeout: Self.patience) { $0.isStopped ? true : nil }
            }
        }
    }

    private func put(_ changes: [LoggedChange], of partition: TopicPartition, _ consumer: any Consumer) {
        let position = consumer.position(partition) ?? .zero
        let readers = monitor.withLock { state in
            state.followers.compactMap { id, follower -> (ChangeSubscription, Offset)? in
                guard let subscription = follower.subscription, let next = follower.next[partition] else { return nil }
                state.followers[id]?.next[partition] = max(next, position)
                return (subscription, next)
            }
        }
        for (subscription, next) in readers { subscription.put(changes.filter { $0.offset >= next }) }
    }

    /// Continues at the first record held, as those before it have been deleted.
    private func skipLost(_ partition: TopicPartition, _ consumer: any Consumer) throws {
        guard let held = try consumer.bounds(of: [partition])[partition] else { return }
        monitor.withLock { state in
            state.isChanged = true
            for (id, follower) in state.followers {
                guard let next = follower.next[partition], !held.contains(next), next != held.upperBound else {
                    continue
                }
                follower.subscription?.miss(max(0, held.lowerBound - next))
                state.followers[id]?.next[partition] = held.lowerBound
            }
        }
    }

    private func end(_ result: Result<Void, any Error>) {
        let followers = monitor.withLock { state in
            defer { state.followers = [:] }
            return state.followers.values.compactMap(\.subscription)
        }
        for follower in followers { follower.end(result) }
    }

    /// Whether no follower has been added meanwhile; then the thread ends.
    private func isOver() -> Bool {
        monitor.withLock(wakes: true) { state in
            state.isRunning = !state.followers.isEmpty
            return !state.isRunning
        }
    }
}

extension ChangeFeed.State {
    /// What the thread must do now: end, end after what is readable, or read from these offsets.
    fileprivate mutating func takeTurn() -> (isDone: Bool, isStopped: Bool, places: [TopicPartition: Offset]?) {
        if followers.isEmpty { return (true, isStopped, nil) }
        guard isChanged else { return (false, isStopped, nil) }
        isChanged = false
        let places = followers.values.reduce(into: [:]) { $0.merge($1.next, uniquingKeysWith: min) }
        return (false, isStopped, places)
    }
}
