import MoldauRecords
import MoldauWire

@testable import MoldauClient

/// Partitions with leaders, which check sequences as Kafka's brokers do.
struct FakeBrokers {
    struct Producer {
        var epoch: Int16
        var lastSequence: Int32
        /// The last five batches.
        var recent: [(first: Int32, last: Int32, offset: Int64)]
    }

    var logs: [[Int64]]
    var leaders: [Int32]
    /// Whether batches with certain records are refused permanently.
    var refusesSome = false
    /// Larger batches are refused.
    var maxBatchBytes = Int.max
    private var producers: [[Int64: Producer]]

    init(partitions: Int) {
        logs = Array(repeating: [], count: partitions)
        producers = Array(repeating: [:], count: partitions)
        leaders = (0..<partitions).map { Int32($0 % 2) }
    }

    mutating func moveLeader(_ generator: inout SeededGenerator) {
        let partition = Int.random(in: leaders.indices, using: &generator)
        leaders[partition] = 1 - leaders[partition]
    }

    var metadata: MetadataResponse {
        MetadataResponse {
            $0.brokers = [Int32(0), 1].map { node in
                .init {
                    $0.nodeID = node
                    $0.host = "b"
                    $0.port = node + 1
                }
            }
            $0.topics = [
                .init {
                    $0.name = "t"
                    $0.partitions = leaders.enumerated().map { number, leader in
                        .init {
                            $0.partitionIndex = Int32(number)
                            $0.leaderID = leader
                        }
                    }
                }
            ]
        }
    }

    /// - Parameters:
    ///   - refuses: whether the batches are refused with a transient error.
    ///   - movesLeaders: whether leaders lose their partitions while they wait for replicas, which have the batches.
    mutating func append(
        _ request: ProduceRequest, at node: Int32, refuses: Bool, movesLeaders: Bool
    ) -> ProduceResponse {
        var response = ProduceResponse()
        for topic in request.topicData {
            var answers: [ProduceResponse.PartitionResponse] = []
            for data in topic.partitionData {
                var answer = ProduceResponse.PartitionResponse { $0.index = data.index }
                if leaders[Int(data.index)] != node {
                    answer.errorCode = .notLeaderOrFollower
                } else if refuses {
                    answer.errorCode = .notEnoughReplicas
                } else {
                    append(data, &answer)
                    if movesLeaders, answer.errorCode == .none {
                        leaders[Int(data.index)] = 1 - node
                        answer.errorCode = .notLeaderOrFollower
                    }
                }
                answers.append(answer)
            }
            response.responses.append(
                .init {
                    $0.name = topic.name
                    $0.partitionResponses = answers
                })
        }
        return response
    }

    private mutating func append(
        _ data: ProduceRequest.PartitionData, _ answer: inout ProduceResponse.PartitionResponse
    ) {
        guard case .bytes(let bytes) = data.records, let header = try? RecordBatchHeader(bytes.bytes) else {
            answer.errorCode = .corruptMessage
            return
        }
        if bytes.count > maxBatchBytes {
            answer.errorCode = .messageTooLarge
            return
        }
        let partition = Int(data.index)
        var values: [Int64] = []
        var reader = RecordBatchReader(bytes.bytes)
        while let record = try? reader.next() { values.append(record.value?.loadUnaligned(as: Int64.self) ?? -1) }
        if refusesSome, values.contains(where: { $0 % 97 == 13 }) {
            answer.errorCode = .invalidRecord
            return
        }
        let (first, last) = (header.producer.baseSequence, header.producer.baseSequence &+ header.lastOffsetDelta)
        if header.producer.id >= 0, let known = producers[partition][header.producer.id] {
            if header.producer.epoch < known.epoch {
                answer.errorCode = .invalidProducerEpoch
                return
            }
            if header.producer.epoch == known.epoch {
                if let twin = known.recent.first(where: { $0.first == first && $0.last == last }) {
                    answer.baseOffset = Offset(twin.offset)
                    return
                }
                guard first == known.lastSequence &+ 1 else {
                    answer.errorCode = .outOfOrderSequenceNumber
                    return
                }
            } else if first != 0 {
                answer.errorCode = .outOfOrderSequenceNumber
                return
            }
        }
        answer.baseOffset = Offset(Int64(logs[partition].count))
        if header.producer.id >= 0 {
            let known = producers[partition][header.producer.id]
            var recent = known?.epoch == header.producer.epoch ? known?.recent ?? [] : []
            recent.append((first, last, answer.baseOffset.value))
            producers[partition][header.producer.id] = Producer(
                epoch: header.producer.epoch, lastSequence: last, recent: recent.suffix(5))
        }
        logs[partition] += values
    }
}
