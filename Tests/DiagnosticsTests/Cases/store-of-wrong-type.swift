import Moldau

func storeOfWrongType(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupByKey().count(as: KeyValueStoreName<String, String>("counts"))
}
