import Moldau

func wrongTopicType(_ s: StreamsBuilder) {
    _ = s.stream(orders).mapValues { o in o.cents }.to(customers)
}
