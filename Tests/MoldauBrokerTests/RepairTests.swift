import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private let path = "data/left-0/00000000000000000000.log"

/// Damage that is found and skipped.
struct RepairTests {
    private let files = MemoryFileSystem()

    /// Ten records, a batch each.
    private func fill(closes: Bool) throws {
        let broker = try openBroker(files)
        try broker.createTopics()
        for number in 0..<10 { try broker.append(["\(number)"], to: left) }
        try broker.flush()
        // The journal's last entry covers the previous sync round.
        try broker.append(["x"], to: right)
        try broker.flush()
        if closes { try broker.close() }
    }

    private var batchSize: Int { batch(["0"]).count }

    private func repair(_ files: MemoryFileSystem) throws -> DirectoryRepair<MemoryFileSystem> {
        try DirectoryRepair(files, directory: "data")
    }

    @Test(arguments: [true, false])
    func `an intact log has no damage, and a torn tail is not damage`(closes: Bool) throws {
        try fill(closes: closes)
        if !closes { try files.open(path).write([1, 2, 3], at: 10 * batchSize) }
        let repair = try repair(files)
        #expect(try repair.partitions().map { "\($0)" } == ["left-0", "right-0"])
        for partition in try repair.partitions() { #expect(try repair.damage(of: partition) == nil) }
    }

    /// Every byte of a batch in the middle, after a clean stop; of the first 21 only those that matter to a reader.
    @Test func `whichever byte is changed, the repair keeps all other records`() throws {
        try fill(closes: true)
        var aloneCount = 0
        for byte in 0..<batchSize {
            let damaged = files.copy()
            let place = 4 * batchSize + byte
            let old = try damaged.open(path).read(1, at: place)[0]
            try damaged.open(path).write([old ^ 0x10], at: place)
            guard let damage = try repair(damaged).damage(of: left) else {
                Issue.record("a change of byte \(byte) is not found")
                continue
            }
            try repair(damaged).mend(damage, truncates: false)
            #expect(try repair(damaged).damage(of: left) == nil, "byte \(byte)")
            for _ in 0..<2 {
                let broker = try openBroker(damaged)
                let values = try broker.values(of: left)
                if damage.stretches[0].bytes.count == batchSize {
                    aloneCount += 1
                    #expect(values == (0..<10).map(String.init).filter { $0 != "4" }, "byte \(byte)")
                    #expect(damage.lostBySkipping == [Offset(4)..<Offset(5)], "byte \(byte)")
                }
                #expect(try broker.partition(left).endOffset() == Offset(10), "byte \(byte)")
                try broker.close()
            }
        }
        // A batch's own checksum does not cover the offset and the leader epoch.
        #expect(aloneCount >= 2 * (batchSize - 12))
    }

    @Test func `truncating loses all later records, and offsets continue after the old end`() throws {
        try fill(closes: true)
        try files.open(path).write([0xff], at: 4 * batchSize + 65)
        let damage = try #require(try repair(files).damage(of: left))
        #expect(damage.lostByTruncating == Offset(4)..<Offset(10))
        try repair(files).mend(damage, truncates: true)
        var broker = try openBroker(files)
        #expect(try broker.values(of: left) == ["0", "1", "2", "3"])
        try broker.append(["new"], to: left)
        #expect(try broker.partition(left).endOffset() == Offset(11))
        broker = try openBroker(files.copy())
        #expect(try broker.values(of: left) == ["0", "1", "2", "3", "new"])
    }

    @Test func `a repair accepts that records at the end are missing`() throws {
        try fill(closes: true)
        try files.open(path).truncate(to: 3 * batchSize + 5)
        let damage = try #require(try repair(files).damage(of: left))
        #expect(damage.lostBySkipping == [Offset(3)..<Offset(10)])
        try repair(files).mend(damage, truncates: false)
        let broker = try openBroker(files)
        #expect(try broker.values(of: left) == ["0", "1", "2"])
        #expect(try broker.partition(left).endOffset() == Offset(10))
    }

    /// A count of two billion in 70 bytes, with a correct checksum: older versions accepted it.
    @Test func `an invalid batch with a valid checksum is found, and skipped by readers after the repair`() throws {
        try fill(closes: false)
        let junk = try junkBatch(base: 10)
        try files.open(path).write(junk, at: 10 * batchSize)
        let damage = try #require(try repair(files).damage(of: left))
        #expect(damage.stretches.map(\.bytes) == [(10 * batchSize)..<(10 * batchSize + junk.count)])
        try repair(files).mend(damage, truncates: false)
        let broker = try openBroker(files)
        try broker.append(["new"], to: left)
        #expect(try broker.values(of: left) == (0..<10).map(String.init) + ["new"])
    }

    private func junkBatch(base: Int64) throws -> [UInt8] {
        var bytes = batch([""])
        for (number, place) in [(Int32.max, 57), (Int32.max - 1, 23)] {
            bytes.replaceSubrange(place..<(place + 4), with: withUnsafeBytes(of: number.bigEndian) { Array($0) })
        }
        bytes.replaceSubrange(0..<8, with: withUnsafeBytes(of: base.bigEndian) { Array($0) })
        let checksum = bytes[21...].withUnsafeBytes { crc32c($0) }
        bytes.replaceSubrange(17..<21, with: withUnsafeBytes(of: checksum.bigEndian) { Array($0) })
        return bytes
    }

    @Test func `damaged commits are skipped, and their groups continue from earlier offsets`() throws {
        let offsets = TopicPartition("__consumer_offsets", 1)
        var broker = try openBroker(files)
        try broker.createTopics()
        try broker.append(["1", "2", "3"], to: left)
        for value in 1...3 { try broker.commit([left: offset(Int64(value))], of: "app") }
        try broker.close()
        try files.flip(offsets, fromEnd: 20)
        #expect(throws: BrokerError.self) { try openBroker(files).checkReadable(group: "app") }
        try files.removeFile("data/.lock")
        let damage = try #require(try repair(files).damage(of: offsets))
        try repair(files).mend(damage, truncates: false)
        broker = try openBroker(files)
        try broker.checkReadable(group: "app")
        #expect(broker.committedOffsets(of: "app") == [left: offset(2)])
    }
}
