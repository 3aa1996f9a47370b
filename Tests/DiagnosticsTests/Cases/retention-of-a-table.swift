import Moldau

func retentionOfATable(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupByKey().count(as: Materialized(retention: .seconds(60)))
}
