import Moldau

func closureWithTooFewParameters(_ s: StreamsBuilder) {
    _ = s.stream(orders).filter { o in o.cents > 3 }
}
