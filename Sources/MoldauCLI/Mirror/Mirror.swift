// Why no record is copied twice or left out:
//
// The mirror has a transactional id in the target, and commits as a group there. Each transaction holds copies, notes
// of where the copies are, and the group's offsets: the source's offsets after the copied records, under the names of
// the target's partitions. So copies and progress are committed together, or not at all. At its start a mirror first
// initializes its transactional id, which ends a transaction that an earlier run left open, and only then reads the
// offsets.

import Foundation
import MoldauClient
import MoldauClusterEmbedded
import MoldauRecords

/// Copies topics from one cluster to another. Its calls block; one thread uses it.
final class Mirror {
    /// A batch that was sent in the open transaction.
    private struct Sent {
        let partition: TopicPartition
        let first: Offset
        let last: Offset
        let count: Int64
    }

    private static let pollBytes = 4 << 20
    /// Commits the transaction after this many bytes.
    private static let transactionBytes = 64 << 20

    private let options: MirrorOptions
    private let topics: MirrorTopics
    private let groups: MirrorGroups
    private let notes: MirrorNotes
    private let (source, target): (AdminClient, AdminClient)
    private let consumer: BatchConsumer
    private let producer: BatchProducer

    /// The next offset to copy, and the committed one.
    private var (positions, committed): ([TopicPartition: Offset], [TopicPartition: Offset]) = ([:], [:])
    /// The ids of the source's topics: a topic may be deleted and recreated under the same name.
    private var topicIDs: [String: String] = [:]
    private var runs: [TopicPartition: MirrorRuns] = [:]
    private var sent: [Sent] = []
    private var sentBytes = 0
    private var builder = RecordBatchBuilder()
    /// How many records were copied and committed.
    private(set) var count = 0

    /// Ends a wait for records early. Callable from any thread.
    var wake: @Sendable () -> Void { { [consumer] in consumer.wake() } }

    init(from source: ClientSettings.Read, to target: ClientSettings.Read, options: MirrorOptions) throws {
        self.options = options
        self.source = try AdminClient(cluster: source.client, options: source.admin)
        self.target = try AdminClient(cluster: target.client, options: target.admin)
        topics = MirrorTopics(source: self.source, target: self.target, options: options)
        groups = MirrorGroups(source: self.source, target: self.target, options: options)
        notes = MirrorNotes(topic: options.name, cluster: target.client, admin: self.target)
        var reading = source.consumer
        (reading.group, reading.instanceID) = (nil, nil)
        (reading.isolation, reading.offsetReset) = (.readCommitted, .none)
        consumer = try BatchConsumer(reading, cluster: source.client)
        var writing = target.producer
        writing.transactionalID = options.name
        (writing.linger, writing.acks) = (.zero, .all)
        // Batches are sent as they are in the source.
        writing.maxRequestSize = max(writing.maxRequestSize, 64 << 20)
        writing.bufferMemory = max(writing.bufferMemory, 128 << 20)
        producer = try BatchProducer(writing, cluster: target.client)
        producer.keepsDeliveries = true
    }

    /// Closes the connections; aborts an open transaction.
    func close() {
        producer.close()
        consumer.close()
        let (source, target) = (source, target)
        try? waiting {
            await source.close()
            await target.close()
        }
    }

    /// Copies until it is stopped, or with `untilEnd` until it reaches the end of the topics.
    func run(untilStopped isStopped: () -> Bool) throws {
        try topics.createNotes()
        try producer.identify()
        runs = try notes.read()
        try refresh()
        let ends = options.untilEnd ? try self.ends() : [:]
        let partitions = "\(positions.count) \(positions.count == 1 ? "partition" : "partitions")"
        LineOutput.tell("mirroring \(topicIDs.count) \(topicIDs.count == 1 ? "topic" : "topics"), \(partitions)")
        let clock = ContinuousClock()
        var (lastCommit, lastRefresh) = (clock.now, clock.now)
        while !isStopped() {
            let isAtEnd = options.untilEnd && ends.allSatisfy { positions[$0.key] ?? .zero >= $0.value }
            if isAtEnd { break }
            for polled in try consumer.poll(wait: .milliseconds(100), limit: Self.pollBytes) { try copy(polled) }
            if sentBytes >= Self.transactionBytes || clock.now - lastCommit >= options.commitInterval {
                try commit()
                lastCommit = clock.now
            }
            if clock.now - lastRefresh >= options.refreshInterval {
                try commit()
                do {
                    try refresh()
                } catch let error as ClientError where error.remedy == .retry {
                    LineOutput.tell("topics and groups could not be checked; this will be tried again: \(error)")
                }
                lastRefresh = clock.now
            }
        }
        try commit()
        try groups.refresh(runs)
    }

    // MARK: Topics and partitions

    /// Synchronizes topics, settings and groups.
    private func refresh() throws {
        let found = try topics.refresh()
        for name in Set(topicIDs.keys).subtracting(found.keys).sorted() {
            LineOutput.tell("'\(name)' is no longer in the source; what was copied stays")
        }
        for (name, topic) in found {
            let id = topic.id?.description ?? ""
            if let before = topicIDs[name], before != id { throw recreated(name) }
        }
        topicIDs = found.mapValues { $0.id?.description ?? "" }
        let partitions = found.values.flatMap { topic in
            topic.partitions.map { TopicPartition(topic.name, $0.partition.number) }
        }
        try begin(Set(partitions))
        try groups.refresh(runs)
    }

    /// Starts to read these partitions; new ones at the mirror's committed offsets, or else at their first ones.
    private func begin(_ partitions: Set<TopicPartition>) throws {
        let (source, target, group) = (source, target, options.name)
        let starts = try waiting { try await source.listOffsets(of: partitions, .earliest).all() }
        let ends = try waiting { try await source.listOffsets(of: partitions, .latest).all() }
        let saved = try waiting { try await target.listGroupOffsets(group, requireStable: true) }
        let known = Set(positions.keys)
        positions = positions.filter { partitions.contains($0.key) }
        committed = committed.filter { partitions.contains($0.key) }
        consumer.assign(partitions)
        for partition in partitions.subtracting(known).sorted() {
            guard let start = starts[partition]?.offset, let end = ends[partition]?.offset else { continue }
            let position = try position(in: partition, start...max(start, end), saved[partition])
            positions[partition] = position
            if saved[partition]?.offset == position { committed[partition] = position }
            consumer.seek(partition, to: position)
        }
        for (partition, start) in starts {
            for run in runs[partition]?.removeAll(before: start.offset ?? .zero) ?? [] {
                notes.forget(run, of: partition)
            }
        }
    }

    private func position(
        in partition: TopicPartition, _ held: ClosedRange<Offset>, _ before: AdminClient.OffsetAndMetadata?
    ) throws -> Offset {
        guard let before else {
            // The copies of an earlier topic of that name are gone from the target too.
            for run in runs.removeValue(forKey: partition)?.all ?? [] { notes.forget(run, of: partition) }
            return held.lowerBound
        }
        let id = topicIDs[partition.topic] ?? ""
        if !before.metadata.isEmpty, !id.isEmpty, before.metadata != id { throw recreated(partition.topic) }
        guard before.offset <= held.upperBound else { throw recreated(partition.topic) }
        if before.offset < held.lowerBound {
            LineOutput.tell(
                "\(partition): the offsets \(before.offset) up to, not including, \(held.lowerBound) were deleted in the "
                    + "source before they were copied")
        }
        return max(before.offset, held.lowerBound)
    }

    private func recreated(_ topic: String) -> CommandFailure {
        CommandFailure(
            "the source's topic '\(topic)' is not the one that was copied: it was deleted and created again; delete it "
                + "in the target too, or leave it out with --exclude")
    }

    /// The end of each partition's readable records in the source.
    private func ends() throws -> [TopicPartition: Offset] {
        let (source, partitions) = (source, Array(positions.keys))
        let ends = try waiting {
            let wanted = Dictionary(uniqueKeysWithValues: partitions.map { ($0, AdminClient.OffsetSpec.latest) })
            return try await source.listOffsets(wanted, isolation: .readCommitted).all()
        }
        return ends.compactMapValues(\.offset)
    }

    // MARK: Copying

    private func copy(_ polled: BatchConsumer.Polled) throws {
        guard positions[polled.partition] != nil else { return }
        var rest = polled.bytes.bytes
        while rest.count >= BatchFormat.headerSize {
            let header = try RecordBatchHeader(rest)
            // A fetch may end within a batch.
            guard header.byteCount <= rest.count else { break }
            let batch = UnsafeRawBufferPointer(rebasing: rest[..<header.byteCount])
            rest = UnsafeRawBufferPointer(rebasing: rest[header.byteCount...])
            if header.isControl || header.recordCount == 0 || header.lastOffset < polled.from { continue }
            if header.isWhole, header.baseOffset >= polled.from {
                try send(
                    batch, to: polled.partition, header.baseOffset...header.lastOffset, Int64(header.recordCount))
            } else {
                try rebuild(batch, header, polled)
            }
        }
        positions[polled.partition] = polled.next
    }

    /// Sends the records of a batch that cannot be sent as it is.
    private func rebuild(
        _ batch: UnsafeRawBufferPointer, _ header: RecordBatchHeader, _ polled: BatchConsumer.Polled
    ) throws {
        builder.reset()
        builder.compression = try header.compression
        var reader = RecordBatchReader(batch, from: polled.from)
        var (first, last): (Offset?, Offset) = (nil, polled.from)
        while let record = try reader.next() {
            builder.append(
                key: record.key, value: record.value, timestamp: record.timestamp, headers: try record.headers())
            (first, last) = (first ?? record.offset, record.offset)
        }
        guard let first else { return }
        try send(builder.finish(), to: polled.partition, first...last, Int64(builder.recordCount))
    }

    private func send(
        _ batch: UnsafeRawBufferPointer, to partition: TopicPartition, _ offsets: ClosedRange<Offset>, _ count: Int64
    ) throws {
        try producer.send(batch, to: partition)
        sent.append(
            Sent(partition: partition, first: offsets.lowerBound, last: offsets.upperBound, count: count))
        sentBytes += batch.count
    }

    // MARK: Committing

    private func commit() throws {
        guard positions != committed || notes.hasNews else { return }
        try producer.flush()
        let new = try delivered()
        for (partition, run) in new { notes.add(run, of: partition) }
        try notes.send(by: producer, at: EmbeddedCluster.systemClock())
        let member = ConsumerGroupMetadata(group: options.name, generation: -1, memberID: "", instanceID: nil)
        let offsets = positions.filter { committed[$0.key] != $0.value }.map { partition, offset in
            (partition, AdminClient.OffsetAndMetadata(offset, metadata: topicIDs[partition.topic] ?? ""))
        }
        try producer.commit(Dictionary(uniqueKeysWithValues: offsets)) { try $0(member) }
        producer.deliveries = []
        for (partition, run) in new { runs[partition, default: MirrorRuns()].append(run) }
        count += sent.reduce(0) { $0 + Int($1.count) }
        (sent, sentBytes, committed) = ([], 0, positions)
    }

    /// Where the sent batches were appended; those adjacent in both logs are merged.
    private func delivered() throws -> [(TopicPartition, MirrorRun)] {
        var new: [TopicPartition: [MirrorRun]] = [:]
        for (batch, delivery) in zip(sent, producer.deliveries) {
            guard let base = delivery.baseOffset, delivery.partition == batch.partition else {
                throw CommandFailure(
                    "the target did not tell where a batch of \(batch.partition) is; nothing of the transaction "
                        + "takes effect: start the mirror again")
            }
            let run = MirrorRun(first: batch.first, last: batch.last, target: base, count: batch.count)
            if let joined = new[batch.partition]?.last?.joined(with: run) {
                new[batch.partition]?.removeLast()
                new[batch.partition]?.append(joined)
            } else {
                new[batch.partition, default: []].append(run)
            }
        }
        return new.sorted(on: \.key).flatMap { partition, runs in runs.map { (partition, $0) } }
    }
}

extension RecordBatchHeader {
    /// Whether another cluster accepts the batch unchanged, and keeps its records the same: no gaps between offsets,
    /// and the records' own timestamps.
    fileprivate var isWhole: Bool {
        recordCount == lastOffsetDelta + 1 && !isLogAppendTime && deleteHorizon == nil
    }
}
