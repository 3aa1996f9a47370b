import Moldau

func processorStoreForATable(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupByKey().count(as: KeyValueStoreName<String, Int64>("counts"))
}
