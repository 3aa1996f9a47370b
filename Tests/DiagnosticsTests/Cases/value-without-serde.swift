import Moldau

func valueWithoutSerde(_ s: StreamsBuilder) {
    _ = s.stream(orders).mapValues { o in Plain(name: o.customer) }.groupByKey().count()
}
