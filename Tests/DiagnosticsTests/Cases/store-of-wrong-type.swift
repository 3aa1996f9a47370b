import Moldau

func storeOfWrongType(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupByKey().count(as: TableStoreName<String, String>("counts"))
}
