import Moldau

func numberInsteadOfDuration(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupByKey().windowedBy(.tumbling(60, grace: .zero)).count()
}
