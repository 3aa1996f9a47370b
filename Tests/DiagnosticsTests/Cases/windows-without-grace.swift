import Moldau

func windowsWithoutGrace(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupByKey().windowedBy(.tumbling(.seconds(60))).count()
}
