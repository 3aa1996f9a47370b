import MoldauBroker
import MoldauLog
import MoldauRecords

/// Flips bits on the disk of a machine that is off, one at a time, and reads the content through a broker. The result
/// must be the old one or an error. Nothing may be cut off: when the bit is restored, everything must be as before.
struct BitRotCheck {
    /// The result of reading through a broker.
    struct Answer: Equatable {
        var records: [TopicPartition: [ReadRecord]] = [:]
        /// Partitions that returned an error, perhaps after some records.
        var refusing: Set<TopicPartition> = []
        var committed: [TopicPartition: GroupOffset] = [:]
        /// Whether the broker answered that the group's positions are unknown.
        var refusesGroup = false
        /// Whether the broker did not start at all.
        var isShut = false

        var isWhole: Bool { !isShut && !refusesGroup && refusing.isEmpty }
    }

    private static let bitsPerRun = 4

    let disk: SimulatedDisk
    let clock: SimulatedClock
    let chance: Chance
    let trace: SimulationTrace

    /// The violations found. The disk must be that of a broker that was closed.
    func complaints() -> [String] {
        for _ in 0..<Self.bitsPerRun {
            let expected = ask()
            if !expected.isWhole { return ["a broker that was closed cannot be opened again"] }
            let complaints = changeOne(expected)
            if !complaints.isEmpty { return complaints }
        }
        return []
    }

    private func changeOne(_ expected: Answer) -> [String] {
        // Only partitions' files and the journal are checked; the broker's own small files are synced and not part of
        // this.
        let paths = disk.paths.filter { $0.split(separator: "/").count == 3 || $0.hasSuffix(".journal") }
        let path = chance.pick(paths)
        guard let position = disk.size(path).map({ $0 > 0 ? chance.below($0) : 0 }) else { return [] }
        let mask = UInt8(1 << chance.below(8))
        // The change is then found by a recovery or by a read.
        if chance.oneIn(2) { _ = ask(closes: false) }
        guard disk.flip(path, at: position, mask) else { return [] }
        trace.note("rot", path, position, Int(mask))
        let place = "bit \(mask) of byte \(position) of \(path)"
        let got = ask(closes: false)
        if let difference = difference(got, expected, path) { return ["\(place) changed \(difference), unnoticed"] }
        // A changed topic id closes the partition. Other files are rebuilt, so restoring the bit has no effect for
        // them.
        let isOtherID = path.hasSuffix("partition.metadata") && !got.isWhole
        guard path.hasSuffix(".log") || isOtherID else { return [] }
        guard disk.flip(path, at: position, mask) else { return ["\(place) was cut off"] }
        let after = ask()
        if !after.isWhole { return ["after \(place) was repaired, not everything can be read"] }
        return difference(after, expected, path).map { ["after \(place) was repaired, \($0) are not what they were"] }
            ?? []
    }

    /// The undetected difference: data that exists but did not before, or that is missing without an error.
    private func difference(_ got: Answer, _ expected: Answer, _ path: String) -> String? {
        if got.isShut { return nil }
        if !got.refusesGroup, got.committed != expected.committed { return "the committed positions" }
        for (name, records) in expected.records.sorted(on: \.key) {
            var read = got.records[name] ?? []
            // Deleted records may reappear.
            if path.contains("/log-start-offset") { read.removeAll { $0.offset < records.first?.offset ?? .max } }
            let isRight = got.refusing.contains(name) ? records.starts(with: read) : records == read
            if !isRight {
                let first = zip(records, read).first { $0 != $1 }
                let fact = first.map { "\($0) became \($1)" } ?? "\(records.count) became \(read.count)"
                return "the records of \(name) (\(fact))"
            }
        }
        return nil
    }

    /// Starts a broker, reads everything, and ends it: by a stop, or by killing its process.
    private func ask(closes: Bool = true) -> Answer {
        var answer = Answer()
        do {
            let broker = try Broker(
                disk, directory: "data", durability: .sync, clock: { clock.now }, randomness: SeededGenerator(seed: 1),
                logger: Scenario.logger, callbacks: .byHand)
            answer.committed = broker.committedOffsets(of: Workload.applicationID)
            answer.refusesGroup = (try? broker.checkReadable(group: Workload.applicationID)) == nil
            // A recovery writes to the broker's own topics, so they are not compared.
            for topic in broker.topics() where !topic.name.hasPrefix("__") {
                for number in 0..<topic.partitionCount {
                    let name = TopicPartition(topic.name, number)
                    do {
                        try broker.read(name, into: &answer.records[name, default: []])
                    } catch {
                        trace.note("refused", "\(error)")
                        answer.refusing.insert(name)
                    }
                }
            }
            if closes, answer.isWhole { try broker.close() }
        } catch {
            trace.note("shut", "\(error)")
            answer.isShut = true
        }
        disk.cut(.process, after: 0)
        disk.turnOn()
        return answer
    }
}

extension Broker {
    /// Reads a partition's committed records until the first error.
    func read(_ name: TopicPartition, into records: inout [ReadRecord]) throws {
        try forEachRecord(of: name) { record in
            records.append(
                ReadRecord(
                    partition: name.partition.number, offset: record.offset.value, key: text(record.key),
                    value: text(record.value), timestamp: record.timestamp.ms))
        }
    }

    /// Calls `body` with each committed record of a partition, from `begin` on if it is given.
    /// - Returns: the offset after the last one.
    @discardableResult func forEachRecord(
        of name: TopicPartition, from begin: Offset = .zero, _ body: (RecordView) throws -> Void
    ) throws -> Offset {
        let partition = try partition(name)
        var position = max(begin, try partition.bounds().lowerBound)
        while let fetched = try partition.read(from: position, maxBytes: 1 << 20, onlyCommitted: true) {
            let bytes = fetched.committed
            var reader = RecordBatchReader(bytes.bytes, from: position)
            while let record = try reader.next() { try body(record) }
            position = fetched.next.offset
        }
        return position
    }

    private func text(_ bytes: UnsafeRawBufferPointer?) -> String {
        bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
