// The batches of one partition, always in the order in which they were begun:
//
//     open ──▶ queue ──▶ in flight ──▶ delivered, or failed for good
//                ▲           │
//                └───────────┘  an attempt has failed
//
// After a failed attempt nothing more is sent until no request is in flight, so that what failed goes first again. What
// was sent before is sent alone: a broker remembers five batches only, and one of which it is not known whether it is
// there must not be forgotten while others follow it. For the same reason no more than five are sent from the oldest
// one on whose answer has not come, whichever leaders they went to. The first batch of all is sent alone, too, since a
// broker that knows nothing of a producer takes any sequence.
//
// With idempotence a batch has a place in the sequence of the producer's epoch, from its first attempt on. If a batch
// fails for good, its place stays empty, which the broker would refuse: the lane goes on in the next epoch, from 0. A
// batch that may be in the log already must not get a new stamp, or it could be there twice. So each of these is sent
// alone first, under its old stamp, until the broker has told.

internal import MoldauRecords

/// What waits to be sent to one partition.
struct ProducerLane {
    let partition: TopicPartition
    /// The batch to which records are added.
    var open: PendingBatch?
    private(set) var queue: [PendingBatch] = []
    private var flying: [PendingBatch] = []
    /// How many batches were ever sent.
    private var sentCount = 0
    /// Whether an attempt has failed, and others are still in flight.
    private var isHeld = false
    /// Whether a batch is in flight that was sent before.
    private var isRetrying = false
    /// Whether the partition's leader knows the producer.
    private var isKnown = false
    /// Nothing is sent before.
    private var retryAt: Duration?
    private var backoff: Backoff
    private var epoch: Int16 = 0
    private var nextSequence: Int32 = 0
    /// Whether the sequence has a gap.
    private var needsEpoch = false
    /// The last error of an attempt.
    private(set) var lastError: ClientError?
    /// Whether the machine looks after it.
    var isActive = false
    /// Whether it belongs to the transaction that goes on.
    var isInTransaction = false

    init(_ partition: TopicPartition, backoff: Backoff) { (self.partition, self.backoff) = (partition, backoff) }

    var isEmpty: Bool { open == nil && queue.isEmpty && flying.isEmpty }

    /// The open batch takes no more records.
    mutating func closeOpen() {
        guard let batch = open else { return }
        open = nil
        queue.append(batch)
    }

    /// When there is something to send; nil if nothing can be.
    /// - Parameter limit: how many batches may be sent from the oldest one on whose answer has not come.
    func readyTime(_ now: Duration, limit: Int) -> Duration? {
        guard let next, !isHeld, !isRetrying else { return nil }
        guard let oldest = flying.lazy.map(\.number).min() else { return max(retryAt ?? now, now) }
        if needsEpoch || next.attempts > 0 || !isKnown || sentCount - oldest >= limit { return nil }
        return max(retryAt ?? now, now)
    }

    /// The next batch to send.
    var next: PendingBatch? {
        needsEpoch ? queue.first { $0.mayBeAppended } ?? queue.first : queue.first
    }

    /// Takes the next batch from the queue, with its stamp.
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
            // Sequences go on from 0 after the greatest number.
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

    /// All batches begin in an epoch that the cluster has given.
    mutating func restart() {
        (epoch, nextSequence, needsEpoch, isInTransaction, isKnown) = (0, 0, false, false, false)
        for batch in queue { batch.setStamp(nil) }
    }

    /// An attempt has succeeded, or will not be repeated.
    mutating func settle(_ batch: PendingBatch, isDelivered: Bool) {
        flying.removeAll { $0 === batch }
        if flying.isEmpty { (isHeld, isRetrying) = (false, false) }
        if isDelivered {
            isKnown = true
            backoff.reset()
            retryAt = nil
        } else if batch.stamp != nil {
            needsEpoch = true
        }
    }

    /// An attempt has failed, and the batch is sent again.
    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func requeue(_ batch: PendingBatch, _ error: ClientError, _ now: Duration, chance: Double) {
        flying.removeAll { $0 === batch }
        isHeld = !flying.isEmpty
        isRetrying = false
        lastError = error
        // Requests that fail together are one failure.
        if retryAt.map({ $0 <= now }) ?? true { retryAt = now + backoff.pause(chance: chance) }
        let place = queue.firstIndex { batch.isBefore($0) } ?? queue.count
        queue.insert(batch, at: place)
    }

    /// A batch was found too large, and goes on in parts.
    mutating func replace(_ batch: PendingBatch, by parts: [PendingBatch]) {
        flying.removeAll { $0 === batch }
        isHeld = !flying.isEmpty
        isRetrying = false
        let place = queue.firstIndex { batch.isBefore($0) } ?? queue.count
        queue.insert(contentsOf: parts, at: place)
    }

    /// The broker has forgotten the sequence.
    mutating func requireEpoch() { needsEpoch = true }

    /// Whether a refusal of the batch's sequence follows from one before it, which has failed, or is still on its way
    /// to another leader.
    func followsFailure(_ batch: PendingBatch) -> Bool {
        isHeld || needsEpoch || flying.contains { $0.number < batch.number }
            || queue.contains { $0.isBefore(batch) }
    }

    /// Removes the batches in the queue that are too old.
    mutating func takeExpired(before limit: Duration) -> [PendingBatch] {
        // The oldest is the first one: usually nothing else is looked at.
        let expired = Array(queue.prefix { $0.created <= limit })
        guard !expired.isEmpty else { return [] }
        queue.removeFirst(expired.count)
        if expired.contains(where: { $0.stamp != nil }) { needsEpoch = true }
        return expired
    }

    /// Removes all batches that are not in flight.
    mutating func takeAll() -> [PendingBatch] {
        closeOpen()
        defer { queue = [] }
        if queue.contains(where: { $0.stamp != nil }) { needsEpoch = true }
        return queue
    }
}
