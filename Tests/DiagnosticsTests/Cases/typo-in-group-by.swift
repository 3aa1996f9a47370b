import Moldau

func typoInGroupBy(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupBy { _, o in o.custommer }.count()
}
