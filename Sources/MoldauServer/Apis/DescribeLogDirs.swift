// DescribeLogDirs (35): the only data directory, and the size of partitions in it. The size of the disk is not reported
// (−1).

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension DescribeLogDirsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DescribeLogDirsResponse>) {
        let (directory, sizes) = service.broker.sizes()
        let wanted = topics.map { named in
            Set(named.flatMap { topic in topic.partitions.map { TopicPartition(topic.topic, $0) } })
        }
        let told = sizes.filter { wanted?.contains($0.partition) ?? true }
        call.answer(
            DescribeLogDirsResponse {
                $0.results = [
                    DescribeLogDirsResponse.Directory {
                        $0.logDir = directory
                        for size in told {
                            if $0.topics.last?.name != size.partition.topic {
                                $0.topics.append(.init { $0.name = size.partition.topic })
                            }
                            $0.topics[$0.topics.count - 1].partitions.append(
                                .init {
                                    $0.partitionIndex = size.partition.partition.number
                                    $0.partitionSize = Int64(size.bytes)
                                })
                        }
                    }
                ]
            })
    }
}
