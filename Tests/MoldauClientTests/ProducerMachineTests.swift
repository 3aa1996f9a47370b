import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

/// One run after another: in parallel they would occupy the threads of the tests that wait for a broker.
@Suite(.serialized) struct ProducerMachineTests {
    /// Connections end before and after requests arrive, leaders move, replicas are missing, and requests of ended
    /// connections arrive late.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `every record is stored once and in order, whatever is lost`(seed: UInt64) {
        check(seed, maxBatchBytes: .max)
    }

    /// Batches of about eight records, of which brokers accept at most four, under the same faults.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `batches that are too large are split, and every record is stored once and in order`(seed: UInt64) {
        let splits = check(seed, maxBatchBytes: BatchFormat.headerSize + 4 * 17)
        #expect(splits > 100)
    }

    /// Batches of about eight records, of which brokers alternately accept at most four and any number. A batch whose
    /// answer was lost may be in the log when it is found too large: a broker accepts no part of it then.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `a batch that may be in the log when it is split is not stored twice`(seed: UInt64) {
        var options = ProducerOptions()
        options.batchSize = 200
        options.linger = .milliseconds(30)
        var run = ProducerRun(
            seed: seed, records: 2_000, options: options, maxBatchBytes: BatchFormat.headerSize + 4 * 17,
            limitPeriod: .milliseconds(20))
        run.run()
        for partition in 0..<3 {
            let log = run.brokers.logs[partition]
            let isOnceInOrder = zip(log, log.dropFirst()).allSatisfy { $0 < $1 }
            #expect(isOnceInOrder, "partition \(partition), seed \(seed)")
        }
        let there = Set(run.brokers.logs.joined())
        var inDoubt = 0
        for (value, acknowledgement) in run.acknowledgements {
            switch run.outcome(of: acknowledgement).0 {
            case .success: #expect(there.contains(Int64(value)), "record \(value), seed \(seed)")
            case .failure(.refused(_, let name, let what)):
                #expect(name == "OUT_OF_ORDER_SEQUENCE_NUMBER" && what.contains("may be in the log already"))
                inDoubt += there.contains(Int64(value)) ? 1 : 0
            default: Issue.record("record \(value), seed \(seed)")
            }
        }
        #expect(inDoubt > 0, "no batch was in the log when it was split, seed \(seed)")
        #expect(run.machine.usedBytes == 0, "seed \(seed)")
    }

    /// - Returns: how many batches were split.
    @discardableResult private func check(_ seed: UInt64, maxBatchBytes: Int) -> Int {
        var options = ProducerOptions()
        options.batchSize = 200
        options.bufferMemory = 20_000
        if maxBatchBytes < .max { options.linger = .milliseconds(30) }
        var run = ProducerRun(seed: seed, records: 2_000, options: options, maxBatchBytes: maxBatchBytes)
        run.run()
        #expect(run.acknowledgements.count == 2_000)
        for partition in 0..<3 {
            let sent = run.acknowledgements.filter { $0.1.partition == TopicPartition("t", Int32(partition)) }
            let isRight = run.brokers.logs[partition] == sent.map { Int64($0.value) }
            #expect(isRight, "partition \(partition), seed \(seed)")
        }
        for (value, acknowledgement) in run.acknowledgements {
            let (outcome, index) = run.outcome(of: acknowledgement)
            guard case .success(let place) = outcome else {
                Issue.record(
                    "record \(value) of \(acknowledgement.partition), seed \(seed): \(String(describing: outcome))")
                continue
            }
            guard let base = place.baseOffset else { continue }
            let offset = Int(base.value) + index
            let partition = Int(acknowledgement.partition.partition.number)
            let isThere = run.brokers.logs[partition][offset] == Int64(value)
            #expect(isThere, "record \(value), seed \(seed)")
        }
        #expect(run.machine.usedBytes == 0, "seed \(seed)")
        return run.splits.count
    }

    /// After a refused batch the sequence continues in another epoch, in which no batch that was appended in the
    /// previous one may be repeated.
    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func `permanently refused batches are left out, and nothing else`(seed: UInt64) {
        var options = ProducerOptions()
        options.batchSize = 200
        var run = ProducerRun(seed: seed, records: 2_000, options: options, refusesSome: true)
        run.run()
        for partition in 0..<3 {
            let sent = run.acknowledgements.filter { $0.1.partition == TopicPartition("t", Int32(partition)) }
            let delivered = sent.filter { _, acknowledgement in
                guard case .success = run.outcome(of: acknowledgement).0 else { return false }
                return true
            }
            let isRight = run.brokers.logs[partition] == delivered.map { Int64($0.value) }
            #expect(isRight, "partition \(partition), seed \(seed)")
            // Of a batch only those records that are refused; and others only if its answer was lost before.
            var inDoubt = 0
            for (value, acknowledgement) in sent where value % 97 != 13 {
                guard case .failure(let error) = run.outcome(of: acknowledgement).0 else { continue }
                #expect("\(error)".contains("may be in the log already"), "record \(value), seed \(seed)")
                inDoubt += 1
            }
            #expect(inDoubt < 20 && sent.count - delivered.count >= 6, "seed \(seed): \(inDoubt)")
        }
    }

    @Test func `a topic recreated with fewer partitions uses only those, and refuses the others`() throws {
        var options = ProducerOptions()
        options.idempotence = false
        let client = ClientOptions(bootstrapServers: [BrokerAddress(host: "b", port: 1)])
        var machine = ProducerMachine(options, client)
        let topic = machine.addTopic(.roundRobin())
        func append(to partition: Partition? = nil) -> ProducerMachine.Appended {
            machine.append(
                to: topic, partition: partition, RecordBytes(key: nil, value: nil), timestamp: Timestamp(ms: 1),
                headers: Headers(), now: { .zero })
        }
        machine.setPartitions(12, of: topic, named: "t")
        guard case .buffered(let waiting, _) = append(to: Partition(11)) else {
            Issue.record("the record was not accepted")
            return
        }
        machine.setPartitions(4, of: topic, named: "t")
        var map = ClusterMap(client)
        map.answered(FakeBrokers(partitions: 4).metadata, .zero, chance: 0.5)
        let gone = ClientError.unknownPartition(TopicPartition("t", 11), partitionCount: 4)
        let failed = machine.next(.zero, map).actions.contains { action in
            guard case .complete(let outcome, .failure(gone)) = action else { return false }
            return outcome === waiting.outcome
        }
        #expect(failed && machine.usedBytes == 0)
        for _ in 0..<12 {
            guard case .buffered(let acknowledgement, _) = append() else {
                Issue.record("the record was not accepted")
                return
            }
            #expect(acknowledgement.partition.partition.number < 4)
        }
        guard case .refused(gone) = append(to: Partition(11)) else {
            Issue.record("a record for a deleted partition was accepted")
            return
        }
        let batch = [UInt8](repeating: 0, count: 100)
        #expect(throws: gone) {
            try batch.withUnsafeBytes {
                _ = try machine.append(batch: $0, to: topic, partition: Partition(11), now: .zero)
            }
        }
        machine.setPartitions(12, of: topic, named: "t")
        guard case .buffered = append(to: Partition(11)) else {
            Issue.record("the restored partition was refused")
            return
        }
    }

    /// Without idempotence a repeated request may append twice, and nothing may be lost.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `without idempotence every record is stored at least once`(seed: UInt64) {
        var options = ProducerOptions()
        options.idempotence = false
        options.batchSize = 200
        var run = ProducerRun(seed: seed, records: 1_000, options: options)
        run.run()
        let there = Set(run.brokers.logs.flatMap { $0 })
        let isComplete = there == Set((0..<1_000).map(Int64.init))
        #expect(isComplete)
    }
}
