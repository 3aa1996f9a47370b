import Moldau

func emissionOfAVersionedTable(_ s: StreamsBuilder, _ history: VersionedStoreName<String, Int64>) {
    _ = s.stream(orders).groupByKey().count(as: Materialized(history, emission: .lastPerCommit()))
}
