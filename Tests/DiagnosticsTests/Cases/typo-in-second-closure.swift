import Moldau

func typoInSecondClosure(_ s: StreamsBuilder) {
    _ = s.stream(orders).filter { _, o in o.cents > 3 }.mapValues { o in o.centz }
}
