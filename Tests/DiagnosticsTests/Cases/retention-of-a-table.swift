import Moldau

func retentionOfATable(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupByKey().count(options: TableStoreOptions(retention: .seconds(60)))
}
