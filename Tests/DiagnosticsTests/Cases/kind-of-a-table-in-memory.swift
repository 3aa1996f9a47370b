import Moldau

func kindOfATableInMemory(_ s: StreamsBuilder, _ recent: LRUTableStoreName<String, Int64>) {
    _ = s.stream(orders).groupByKey().count(as: Materialized(recent, kind: .rocksDB))
}
