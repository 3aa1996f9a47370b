import Foundation
import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import MoldauWire

private let input = Topic<String, Int64>("input")
private let output = Topic<String, Int64>("output")
private let counts = TableStoreName<String, Int64>("counts")

let steps = [
    Step(name: "batch-encode") { count in
        let key = Array("key-0001".utf8)
        return {
            var builder = RecordBatchBuilder()
            key.withUnsafeBytes { bytes in
                for number in 0..<count {
                    builder.append(key: bytes, value: bytes, timestamp: Timestamp(ms: Int64(number % 100)))
                    if builder.recordCount == 1_000 {
                        _ = builder.finish()
                        builder.reset()
                    }
                }
            }
        }
    },
    Step(name: "batch-decode") { count in
        let batches = Log.batches(count, keys: 1_000)
        return {
            var seen = 0
            for batch in batches {
                var reader = RecordBatchReader(batch.bytes)
                while try reader.next() != nil { seen += 1 }
            }
            precondition(seen == count, "\(seen) of \(count) records were read")
        }
    },
    Step(name: "produce-decode") { count in
        let request = ProduceRequest { request in
            request.acks = -1
            request.topicData = [
                ProduceRequest.TopicData { topic in
                    topic.name = "orders"
                    topic.partitionData = [
                        ProduceRequest.PartitionData {
                            $0.records = .bytes(WireBytes(copying: [UInt8](repeating: 7, count: 100)))
                        }
                    ]
                }
            ]
        }
        var writer = ByteWriter()
        _ = try request.encode(into: &writer, version: 9)
        let body = WireBytes(SharedBytes(copying: writer.bytes))
        return {
            for _ in 0..<count {
                let read = try ProduceRequest(decoding: body, version: 9)
                precondition(read.topicData.count == 1, "the topic was not read")
            }
        }
    },
    Step(name: "fetch-encode") { count in
        let response = FetchResponse { response in
            response.responses = [
                FetchResponse.Topic { topic in
                    topic.topic = "orders"
                    topic.partitions = (0..<Int32(10)).map { number in
                        FetchResponse.Partition {
                            $0.partitionIndex = number
                            $0.records = .elsewhere(byteCount: 1_000)
                        }
                    }
                }
            ]
        }
        return {
            var writer = ByteWriter()
            for _ in 0..<count {
                writer.removeAll()
                let gaps = try response.encode(into: &writer, version: 12)
                precondition(gaps.count == 10, "the records of ten partitions are elsewhere")
            }
        }
    },
    Step(name: "five-operators") { count in
        let run = try Log(count, fiveOperators())
        return { try run.process() }
    },
    Step(name: "five-operators-traced") { count in
        let run = try Log(count, tracing: NoTraces(), fiveOperators())
        return { try run.process() }
    },
    Step(name: "repartition") { count in
        let run = try Log(
            count,
            Topology { streams in
                _ = streams.stream(input).selectKey { key, _ in key }.repartition().peek { _, _ in }
            })
        return {
            // A commit closes the transaction, so that its records can be read.
            try run.process()
            try run.commit()
            try run.process()
        }
    },
    Step(name: "count") { count in
        let run = try Log(count, counting())
        return { try run.process() }
    },
    Step(name: "count-traced") { count in
        let run = try Log(count, tracing: NoTraces(), counting())
        return { try run.process() }
    },
    Step(name: "commit") { count in
        let run = try Log(
            count, keys: count, Topology { streams in _ = streams.stream(input).groupByKey().count(as: counts) })
        try run.process()
        return { try run.commit() }
    },
    Step(name: "store-update") { count in
        let state = try State(inMemory: true)
        let keys = State.keys(1_000)
        return {
            let store = state.store
            for number in 0..<count {
                try store.update(keys[number % 1_000]) { ValueAndTimestamp(($0?.value ?? 0) + 1, at: .zero) }
            }
        }
    },
    Step(name: "store-read-hit") { count in
        let state = try State(inMemory: true)
        let keys = State.keys(1_000)
        for key in keys { try state.store.put(key, ValueAndTimestamp(1, at: .zero)) }
        return {
            let store = state.store
            for number in 0..<count { _ = try store.get(keys[number % 1_000]) }
        }
    },
    Step(name: "store-read-miss") { count in
        let state = try State(inMemory: false)
        let keys = State.keys(count)
        try state.fill(keys)
        try state.reopen()
        return {
            let store = state.store
            for key in keys { _ = try store.get(key) }
        }
    },
    Step(name: "store-scan") { count in
        let state = try State(inMemory: false)
        try state.fill(State.keys(count))
        try state.reopen()
        return {
            var seen = 0
            try state.store.all().forEach { _, row in seen += row.value > 0 ? 1 : 0 }
            precondition(seen == count, "\(seen) of \(count) entries were found")
        }
    },
    Step(name: "store-restore") { count in
        let state = try State(inMemory: false)
        let keys = State.keys(count).map { Array($0.utf8) }
        let value = [UInt8](repeating: 1, count: 8)
        return {
            let store = state.store
            for (number, key) in keys.enumerated() {
                try key.withUnsafeBytes { key in
                    try value.withUnsafeBytes { try store.restore(key: key, value: $0, timestamp: .zero) }
                }
                if number % 1_000 == 999 { try store.restored(upTo: Offset(Int64(number + 1))) }
            }
        }
    },
]

private func fiveOperators() throws -> Topology {
    try Topology { streams in
        streams.stream(input)
            .filter { _, number in number >= 0 }
            .mapValues { $0 &+ 1 }
            .peek { _, _ in }
            .mapValues { $0 &* 2 }
            .filter { _, number in number != 1 }
            .to(output)
    }
}

private func counting() throws -> Topology {
    try Topology { streams in streams.stream(input).groupByKey().count(as: counts).toStream().to(output) }
}

extension Timestamp { fileprivate static let zero = Timestamp(ms: 0) }
