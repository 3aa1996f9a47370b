import Moldau

func typoInFirstClosure(_ s: StreamsBuilder) {
    _ = s.stream(orders).filter { _, o in o.centz > 3 }
}
