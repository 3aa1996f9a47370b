import Moldau

func toWithoutSerde(_ s: StreamsBuilder) {
    _ = s.stream(orders).mapValues { o in Plain(name: o.customer) }.to(Topic<String, Plain>("plain"))
}
