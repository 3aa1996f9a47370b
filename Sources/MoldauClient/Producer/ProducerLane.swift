// The batches of one partition, always in the order in which they were opened:
//
//     open ──▶ queue ──▶ in flight ──▶ delivered, or failed for good
//                ▲           │
//                └───────────┘  an attempt has failed
//
// After a failed attempt nothing more is sent until no request is in flight, so that the failed batches go first again.
// A retried batch is sent alone: a broker remembers only five batches, and one that may have been appended must not be
// forgotten while others follow it. For the same reason at most five batches are sent from the oldest unanswered one
// on, whichever leaders they went to. The very first batch is sent alone, too, since a broker that does not know a
// producer accepts any sequence number.
//
// With idempotence a batch has a sequence number in the producer's epoch from its first attempt on. If a batch fails
// for good, its numbers are missing, and the broker would refuse the next ones: the lane continues in the next epoch,
// from 0. A batch that may have been appended must not get a new stamp, or it could be appended twice. So each of these
// is first sent alone, under its old stamp, until the broker has answered.

internal import MoldauRecords

/// The batches to be sent to one partition.
struct ProducerLane {
    let partition: TopicPartition
    /// The batch to which records are appended.
    var open: PendingBatch?
    private(set) var queue: [PendingBatch] = []
    private var flying: [PendingBatch] = []
    /// How many batches were sent in all.
    private var sentCount = 0
    /// Whether an attempt has failed while others are still in flight.
    private var waitsForFlying = false
    /// Whether a retried batch is in flight.
    private var isRetrying = false
    /// Whether the partition's leader knows the producer.
    private var isKnown = false
    /// The lane is paused until this time.
    private var retryAt: Duration?
    private var backoff: Backoff
    private var epoch: Int16 = 0
    private var nextSequence: Int32 = 0
    /// Whether the sequence has a gap.
    private var needsEpoch = false
    /// The last error of an attempt.
    private(set) var lastError: ClientError?
    /// Whether the machine's list of active lanes contains it.
    var isActive = false
    /// Whether the partition has been added to the current transaction.
    var isInTransaction = false

    init(_ partition: TopicPartition, backoff: Backoff) { (self.partition, self.backoff) = (partition, backoff) }

    var isEmpty: Bool { open == nil && queue.isEmpty && flying.isEmpty }

    /// Closes the open batch: it takes no more records.
    mutating func closeOpen() {
        guard let batch = open else { return }
        open = nil
        queue.append(batch)
    }

    /// When there is something to send; nil if nothing can be sent.
    /// - Parameter limit: how many batches may be sent from the oldest unanswered one on.
    func readyTime(_ now: Duration, limit: Int) -> Duration? {
        guard let next, !waitsForFlying, !isRetrying else { return nil }
        guard let oldest = flying.lazy.map(\.number).min() else { return max(retryAt ?? now, now) }
        if needsEpoch || next.attempts > 0 || !isKnown || sentCount - oldest >= limit { return nil }
        return max(retryAt ?? now, now)
    }

    /// The next batch to send; nil if there is none.
    var next: PendingBatch? {
        needsEpoch ? queue.first { $0.mayBeAppended } ?? queue.first : queue.first
    }

    /// Removes the next batch from the queue, and sets its stamp.
    /// - Parameter producer: id and first epoch, with idempotence.
    mutating func takeNext(_ producer: ProducerStamp?) -> PendingBatch? {
        guard let place = queue.firstIndex(where: { $0 === next }) else { return nil }
        if needsEpoch, !queue[place].mayBeAppended { beginEpoch() }
        let batch = queue.remove(at: place)
        if let producer, batch.stamp == nil {
            batch.setStamp(
                ProducerStamp(
                    id: producer.id, epoch: producer.epoch &+ epoch, baseSequence: nextSequence,
                    isTransactional: producer.isTransactional))
            // Sequence numbers wrap around to 0 after the greatest one.
            nextSequence = (nextSequence &+ Int32(batch.builder.recordCount)) & .max
        }
        isRetrying = batch.attempts > 0
        if batch.attempts == 0 {
            batch.number = sentCount
            sentCount += 1
        }
        batch.attempts += 1
        flying.append(batch)
        return batch
    }

    private mutating func beginEpoch() {
        epoch &+= 1
        nextSequence = 0
        needsEpoch = false
        for batch in queue { batch.setStamp(nil) }
    }

    /// All batches start again in an epoch from the cluster.
    mutating func restart() {
        (epoch, nextSequence, needsEpoch, isInTransaction, isKnown) = (0, 0, false, false, false)
        for batch in queue { batch.setStamp(nil) }
    }

    /// An attempt has succeeded, or will not be retried.
    mutating func settle(_ batch: PendingBatch, isDelivered: Bool) {
        flying.removeAll { $0 === batch }
        if flying.isEmpty { (waitsForFlying, isRetrying) = (false, false) }
        if isDelivered {
            isKnown = true
            backoff.reset()
            retryAt = nil
        } else if batch.stamp != nil {
            needsEpoch = true
        }
    }

    /// Puts a batch back after a failed attempt.
    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func requeue(_ batch: PendingBatch, _ error: ClientError, _ now: Duration, chance: Double) {
        flying.removeAll { $0 === batch }
        waitsForFlying = !flying.isEmpty
        isRetrying = false
        lastError = error
        // Requests that fail together count as one failure.
        if retryAt.map({ $0 <= now }) ?? true { retryAt = now + backoff.pause(chance: chance) }
        let place = queue.firstIndex { batch.isBefore($0) } ?? queue.count
        queue.insert(batch, at: place)
    }

    /// Replaces a batch that is too large by its parts.
    mutating func replace(_ batch: PendingBatch, by parts: [PendingBatch]) {
        flying.removeAll { $0 === batch }
        waitsForFlying = !flying.isEmpty
        isRetrying = false
        let place = queue.firstIndex { batch.isBefore($0) } ?? queue.count
        queue.insert(contentsOf: parts, at: place)
    }

    /// The broker has lost the sequence: a new epoch is needed.
    mutating func requireEpoch() { needsEpoch = true }

    /// Whether the refusal of the batch's sequence number is the consequence of an earlier batch that has failed, or is
    /// still in flight to another leader.
    func followsFailure(_ batch: PendingBatch) -> Bool {
        waitsForFlying || needsEpoch || flying.contains { $0.number < batch.number }
            || queue.contains { $0.isBefore(batch) }
    }

    /// Removes and returns the queued batches that are too old.
    mutating func takeExpired(before limit: Duration) -> [PendingBatch] {
        // The oldest is the first: usually only that one is checked.
        let expired = Array(queue.prefix { $0.created <= limit })
        guard !expired.isEmpty else { return [] }
        queue.removeFirst(expired.count)
        if expired.contains(where: { $0.stamp != nil }) { needsEpoch = true }
        return expired
    }

    /// Removes and returns all batches that are not in flight.
    mutating func takeAll() -> [PendingBatch] {
        closeOpen()
        defer { queue = [] }
        if queue.contains(where: { $0.stamp != nil }) { needsEpoch = true }
        return queue
    }
}
