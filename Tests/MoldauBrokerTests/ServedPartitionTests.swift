import Foundation
@testable import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

/// What a server needs from partitions, and from groups within transactions.
struct ServedPartitionTests {
    private let name = TopicPartition("t", 0)

    private func withBroker(_ body: (Broker<PosixFileSystem>) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let broker = try Broker(PosixFileSystem(), directory: directory, durability: .os, clock: noon)
        try broker.create([TopicMetadata(name: "t", partitionCount: 1)])
        try body(broker)
        try broker.close()
    }

    private func contents(_ file: FileBytes) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: file.range.count)
        let count = bytes.withUnsafeMutableBytes { buffer in
            pread(file.descriptor, buffer.baseAddress, buffer.count, off_t(file.range.lowerBound))
        }
        return count == bytes.count ? bytes : []
    }

    /// Batches of 70 to 80 bytes.
    @Test(arguments: [1, 100, 1_000, 100_000], [Int64(0), 1, 5, 9])
    func `a fetch can return the file range of the batches that it would read`(maxBytes: Int, from: Int64) throws {
        try withBroker { broker in
            for number in 0..<10 { try broker.append(["value \(number)"], to: name) }
            let partition = try broker.partition(name)
            let read = try partition.fetch(from: Offset(from), maxBytes: maxBytes, isolation: .uncommitted)
            let located = try partition.fetch(
                from: Offset(from), maxBytes: maxBytes, isolation: .uncommitted, minFileBytes: 1)
            let file = try #require(located.file)
            #expect(contents(file) == Array(read.bytes.bytes))
            #expect(located.next == read.next && located.bytes.count == 0 && read.file == nil)
        }
    }

    /// 300 batches of 70 to 80 bytes: about five of them are in the index.
    @Test(arguments: [1, 80, 4_000, 4_200, 8_300, 12_000, 20_000, Int.max], [Int64(0), 1, 54, 60, 150, 299])
    func `file ranges found through the index end before the first offset that may not be read`(
        maxBytes: Int, from: Int64
    ) throws {
        try withBroker { broker in
            for number in 0..<300 { try broker.append(["value \(number)"], to: name) }
            let partition = try broker.partition(name)
            var log = try #require(partition.withOpenLog { $0 })
            for limit in [Int64(1), 55, 110, 113, 170, 299, 300].map({ Offset($0) }) where limit > Offset(from) {
                let planned = try #require(try log.planRead(from: Offset(from), maxBytes: maxBytes, below: limit))
                let (read, located) = (try planned.read(), try #require(try planned.locate(minBytes: 1)))
                #expect(contents(located.bytes) == Array(read.bytes.bytes))
                #expect(located.next == read.next)
            }
        }
    }

    @Test func `a range below the minimum size is read into memory`() throws {
        try withBroker { broker in
            try broker.append(["a"], to: name)
            let fetched = try broker.partition(name).fetch(
                from: .zero, maxBytes: 100_000, isolation: .uncommitted, minFileBytes: 10_000)
            #expect(fetched.file == nil && fetched.bytes.count > 0)
        }
    }

    @Test func `a returned file stays readable after its topic is deleted`() throws {
        try withBroker { broker in
            try broker.append(["a"], to: name)
            let fetched = try broker.partition(name).fetch(
                from: .zero, maxBytes: 100_000, isolation: .uncommitted, minFileBytes: 1)
            let file = try #require(fetched.file)
            let before = contents(file)
            try broker.delete("t")
            #expect(!before.isEmpty && contents(file) == before)
        }
    }

    @Test func `files in memory have no descriptor and are read instead`() throws {
        let broker = try openBroker(MemoryFileSystem(), durability: .os)
        try broker.create([TopicMetadata(name: "t", partitionCount: 1)])
        try broker.append(["a"], to: name)
        let fetched = try broker.partition(name).fetch(
            from: .zero, maxBytes: 100_000, isolation: .uncommitted, minFileBytes: 1)
        #expect(fetched.file == nil && fetched.bytes.count > 0)
    }

    @Test func `records are found by timestamp`() throws {
        let broker = try openBroker(MemoryFileSystem(), durability: .os)
        try broker.create([TopicMetadata(name: "t", partitionCount: 1)])
        let partition = try broker.partition(name)
        #expect(try partition.latestRecord() == nil && partition.record(atOrAfter: Timestamp(ms: 0)) == nil)
        for time: Int64 in [10, 30, 20] {
            var builder = RecordBatchBuilder()
            [UInt8(1)].withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: time)) }
            try partition.append(builder.finish())
        }
        let latest = try #require(try partition.latestRecord())
        #expect(latest == (Offset(1), Timestamp(ms: 30)))
        let found = try #require(try partition.record(atOrAfter: Timestamp(ms: 11)))
        #expect(found == (Offset(1), Timestamp(ms: 30)))
        #expect(try partition.record(atOrAfter: Timestamp(ms: 31)) == nil)
        let marks = try partition.watermarks()
        #expect(marks.start == .zero && marks.highWatermark == Offset(3) && marks.lastStableOffset == Offset(3))
    }

    /// As Apache Kafka answers: a record that was deleted from the front of a segment that still exists.
    @Test func `the latest record is reported even if it was deleted, while its segment exists`() throws {
        let broker = try openBroker(MemoryFileSystem(), durability: .os)
        try broker.create([TopicMetadata(name: "t", partitionCount: 1)])
        let partition = try broker.partition(name)
        for time: Int64 in [10, 30, 20] {
            var builder = RecordBatchBuilder()
            [UInt8(1)].withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: Timestamp(ms: time)) }
            try partition.append(builder.finish())
        }
        for end: Int64 in [1, 2, 3] {
            try partition.deleteRecords(before: Offset(end))
            #expect(try #require(try partition.latestRecord()) == (Offset(1), Timestamp(ms: 30)))
        }
        #expect(try partition.record(atOrAfter: Timestamp(ms: 0)) == nil)
    }

    @Test func `an append without a waiting caller is synced too, for its readers`() throws {
        let broker = try openQuietBroker()
        let told = Told<Bool>()
        try batch(["a"]).withUnsafeBytes { bytes in
            try broker.partition(left).append(bytes, acknowledged: .whenWritten) { told.add((try? $0.get()) != nil) }
        }
        #expect(told.all == [true])
        #expect(try broker.partition(left).watermarks().highWatermark == .zero)
        broker.callbacks.runDue()
        #expect(try broker.partition(left).watermarks().highWatermark == Offset(1))
    }

    @Test func `offsets in a transaction are checked against the member, and take effect with the commit`() throws {
        let broker = try openQuietBroker()
        let stranger = try Stranger(broker)
        func commit(_ member: MemberGeneration) throws(BrokerError) -> GroupAnswer {
            try stranger.answer {
                broker.commitInTransaction(
                    GroupRequest.Commit(
                        member, [CommittedPosition(left, Offset(7))], producer: stranger.producer), stranger.id,
                    then: $0)
            }
        }
        let nobody = MemberGeneration(group: "app", generation: -1, memberID: "")
        #expect(throws: BrokerError.self) { try commit(nobody) }  // The transaction does not write there yet.
        try stranger.answer { broker.addOffsets(of: "app", stranger.id, stranger.producer, then: $0) }
        let gone = MemberGeneration(group: "app", generation: 3, memberID: "gone")
        #expect(try commit(gone) == .commit([.init(left, .illegalGeneration)]))
        #expect(try commit(nobody) == .commit([.init(left, .none)]))
        #expect(broker.position == nil)
        try stranger.end(commit: true)
        #expect(broker.position == 7)
    }
}
