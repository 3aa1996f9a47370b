import Moldau

func keyWithoutSerde(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupBy { _, o in Plain(name: o.customer) }.count()
}
