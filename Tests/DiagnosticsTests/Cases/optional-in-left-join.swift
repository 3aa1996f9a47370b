import Moldau

func optionalInLeftJoin(_ s: StreamsBuilder) {
    _ = s.stream(orders).leftJoin(s.table(customers)) { o, c in c.uppercased() }
}
