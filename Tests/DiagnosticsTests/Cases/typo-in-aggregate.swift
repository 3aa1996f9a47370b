import Moldau

func typoInAggregate(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupByKey().aggregate(0) { total, _, o in total += o.centz }
}
