import Moldau

func predicateOfWrongType(_ s: StreamsBuilder) {
    _ = s.stream(orders).filter { _, o in o.cents }
}
